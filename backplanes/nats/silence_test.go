package nats

import (
	"testing"
	"testing/synctest"
	"time"
)

// Who is silent is taken for dead, unless this process was not run meanwhile: what the
// others have said may not have been read yet.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := quiet(t)
		const kawat, foreign = "00000000000000bb", "node"
		expire := func() (left int) {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.expire(time.Now()))
		}
		known := func() bool { n.mu.Lock(); defer n.mu.Unlock(); return n.kawat[kawat] != nil }
		n.kawat[kawat] = &kin{heard: time.Now(), names: map[string]bool{"/": true}}
		n.opened(n.kawat[kawat], kawat, "/")
		n.spaces[token("/")].peers[foreign] = time.Now()
		expire()
		time.Sleep(20 * time.Second) // nothing of this process is run
		if left := expire(); left > 0 || !known() {
			t.Errorf("%d are gone before what they said is read; the node is known: %v", left, known())
		}
		for range 10 {
			time.Sleep(check)
			if left := expire(); left > 0 || !known() {
				t.Fatalf("%d are gone too soon", left)
			}
		}
		time.Sleep(check)
		if left := expire(); left != 1 {
			t.Errorf("%d of those who are not Kawat's are gone", left)
		}
		for range 5 {
			time.Sleep(check)
			expire()
		}
		if known() {
			t.Error("a node that is silent is not taken for dead")
		}
	})
}
