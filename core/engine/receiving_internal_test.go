package engine

import (
	"sync"
	"testing"
)

func TestABatonIsHeldByOne(t *testing.T) {
	var b baton
	var all sync.WaitGroup
	n := 0
	for range 8 {
		all.Go(func() {
			for range 2000 {
				b.Lock()
				n++
				if b.TryLock() {
					t.Error("held twice")
				}
				b.Unlock()
				if b.TryLock() {
					n++
					n--
					b.Unlock()
				}
			}
		})
	}
	all.Wait()
	if n != 16_000 || !b.TryLock() {
		t.Errorf("counted %d", n)
	}
}
