package socketio_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestRecoveryWhenTheOffsetIsForgotten(t *testing.T) {
	t.Run("by count", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			io := recoverable(t, socketio.Recovery{MaxPackets: 20})
			p := call(t, io, siotest.Options{})
			must(t, io.To(p.id).Emit("one"))
			p.wantTook("one")
			for i := range 300 {
				must(t, io.To("others").Emit("noise", i))
			}
			p.cut()
			for i := range 19 {
				must(t, io.To("others").Emit("noise", i))
			}
			must(t, io.To(p.id).Emit("two"))
			p.comeBack(true)
			p.wantTook("two")
		})
	})
	t.Run("by age", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			io := recoverable(t, socketio.Recovery{})
			p := call(t, io, siotest.Options{})
			must(t, io.Emit("one"))
			p.wantTook("one")
			for range 20 {
				time.Sleep(time.Minute)
				must(t, io.To("others").Emit("noise"))
			}
			p.cut()
			must(t, io.Emit("two"))
			time.Sleep(119 * time.Second)
			p.comeBack(true)
			p.wantTook("two")
		})
	})
	t.Run("while half open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			io := recoverable(t, socketio.Recovery{MaxPackets: 20})
			p := call(t, io, siotest.Options{})
			must(t, io.Emit("one"))
			p.hear()
			p.vanish()
			must(t, io.Emit("two"))
			for range 19 {
				must(t, io.To("others").Emit("noise"))
			}
			p.comeBack(true)
			p.wantTook("one, two")
		})
	})
}

// What is forgotten is never silently missing.
func TestRecoveryOfWhatIsForgotten(t *testing.T) {
	for name, limits := range map[string]socketio.Recovery{
		"by count": {MaxPackets: 20},
		"by bytes": {MaxBytes: 20 * 1160},
	} {
		t.Run(name, func(t *testing.T) {
			for _, half := range []bool{false, true} {
				for later := range 25 {
					synctest.Test(t, func(t *testing.T) {
						io := recoverable(t, limits)
						p := call(t, io, siotest.Options{})
						must(t, io.Emit("one"))
						p.took()
						if half {
							p.vanish()
						} else {
							p.cut()
						}
						kilobyte := strings.Repeat("x", 960)
						must(t, io.Emit("two", kilobyte))
						for range later {
							must(t, io.To("others").Emit("noise", kilobyte))
						}
						if stats := io.Stats().Recovery; stats.Packets > 20 || stats.Bytes > 20*1160 && limits.MaxBytes > 0 {
							t.Errorf("%+v", stats)
						}
						p.comeBack(later < 20)
						want := ""
						if later < 20 {
							want = "two " + kilobyte
						}
						p.wantTook(want)
					})
				}
			}
		})
	}
}

func TestRecoveryOutsideTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{MaxDisconnectionDuration: time.Minute})
		p := call(t, io, siotest.Options{})
		p.cut()
		must(t, io.Emit("one"))
		time.Sleep(time.Minute - time.Millisecond)
		p.comeBack(true)
		p.wantTook("one")
		p.cut()
		must(t, io.Emit("two"))
		if away := io.Stats().Recovery.Away; away != 1 {
			t.Errorf("%d away", away)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if away := io.Stats().Recovery.Away; away != 0 {
			t.Errorf("%d away", away)
		}
		p.comeBack(false)
		p.wantTook("")
		time.Sleep(5 * time.Minute)
		if stats := io.Stats().Recovery; stats.Packets != 0 || stats.Bytes != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

func TestRecoveryManyRoomsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		p := call(t, io, siotest.Options{})
		s := io.Socket(p.id)
		p.vanish()
		for i := range 300 {
			room := fmt.Sprint(i)
			must(t, s.Join(room))
			must(t, io.To(room).Emit("hello", i))
			must(t, s.Leave(room))
		}
		p.comeBack(false)
		p.wantTook("")
	})
}

// Who has been taken out of a room while away does not miss what is said there.
func TestRecoveryOutOfABusyRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{MaxPackets: 10})
		p := call(t, io, siotest.Options{})
		must(t, io.Socket(p.id).Join("a"))
		p.cut()
		must(t, io.In("a").SocketsLeave("a"))
		for range 100 {
			must(t, io.To("a").Emit("noise"))
		}
		p.comeBack(true)
		p.wantTook("")
	})
}

func TestRecoveryBoundsItsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{MaxSessions: 3})
		var phones []*phone
		for range 5 {
			p := call(t, io, siotest.Options{})
			phones = append(phones, p)
		}
		for _, p := range phones {
			p.cut()
		}
		if away := io.Stats().Recovery.Away; away != 3 {
			t.Errorf("%d away", away)
		}
		for i, p := range phones {
			p.comeBack(i >= 2)
		}
	})
}

// More than may wait for a client is not replayed.
func TestRecoveryBoundsTheReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}, MaxQueuedMessages: 100})
		p := call(t, io, siotest.Options{})
		p.cut()
		for i := range 99 {
			must(t, io.Emit("n", i))
		}
		p.comeBack(true)
		if n := strings.Count(p.took(), "n "); n != 99 {
			t.Errorf("%d", n)
		}
		p.cut()
		for i := range 100 {
			must(t, io.Emit("n", i))
		}
		p.comeBack(false)
	})
}
