package socketio_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// Who connects and cuts, over and over, takes the place of nobody but his like.
func TestStrangersPushOutOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{MaxSessions: 3})
		honest := []*phone{call(t, io, siotest.Options{}), call(t, io, siotest.Options{})}
		time.Sleep(20 * time.Second)
		for _, p := range honest {
			p.cut()
			p.comeBack(true)
		}
		time.Sleep(5 * time.Second) // a ping's interval, over two connections
		for _, p := range honest {
			p.cut()
		}
		var strangers []*phone
		for range 10 {
			p := call(t, io, siotest.Options{})
			p.cut()
			strangers = append(strangers, p)
		}
		if away := io.Stats().Recovery.Away; away != 3 {
			t.Errorf("%d away", away)
		}
		for i, p := range strangers {
			p.comeBack(i == 9)
		}
		for _, p := range honest {
			p.comeBack(true)
		}
	})
}

// Where only regulars are away, a stranger does not get a place.
func TestStrangersDoNotPushOutRegulars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{MaxSessions: 2})
		var honest []*phone
		for range 3 {
			honest = append(honest, call(t, io, siotest.Options{}))
		}
		time.Sleep(25 * time.Second)
		for _, p := range honest {
			p.cut()
		}
		stranger := call(t, io, siotest.Options{})
		stranger.cut()
		stranger.comeBack(false)
		for i, p := range honest { // of their like, the first to leave has gone
			p.comeBack(i > 0)
		}
		if err := io.Close(); err != nil || io.Stats().Recovery.Away != 0 {
			t.Errorf("%v; %+v", err, io.Stats().Recovery)
		}
	})
}

// A client that claims to have seen nothing, whenever it comes back, is sent the same
// events a few times, and then no more.
func TestRecoveryBoundsRepeatedReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}, MaxQueuedBytes: 10_000})
		greedy, honest := call(t, io, siotest.Options{}), call(t, io, siotest.Options{})
		must(t, io.Emit("first"))
		greedy.hear()
		honest.hear()
		seen := greedy.offset
		must(t, io.Emit("n", strings.Repeat("x", 6000)))
		replays := 0
		for ; replays < 20; replays++ {
			greedy.cut()
			greedy.offset = seen
			id := greedy.id
			if err := greedy.connect(); err != nil {
				t.Fatal(err)
			}
			if greedy.id != id {
				break
			}
		}
		if replays != 7 { // once, and then what fits into four times 10,000 bytes
			t.Errorf("%d replays", replays)
		}
		for i := range 30 { // of much more, but of nothing twice
			honest.cut()
			must(t, io.Emit("n", i, strings.Repeat("x", 6000)))
			honest.comeBack(true)
			if heard := honest.took(); !strings.Contains(heard, "n "+strconv.Itoa(i)+" x") {
				t.Fatalf("heard %.100q", heard)
			}
		}
	})
}
