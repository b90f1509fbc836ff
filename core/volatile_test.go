package socketio_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// While a volatile event is on its way there is no room for another, and what
// must arrive does so after it. One with attachments has all of them or is not sent.
func TestOfTwoVolatileEventsOneLeaves(t *testing.T) {
	for _, transport := range []string{"websocket", "polling"} {
		for name, to := range map[string]func(io *server, s *socketio.Socket) (volatile, regular socketio.Emitter){
			"a socket's":  func(_ *server, s *socketio.Socket) (volatile, regular socketio.Emitter) { return s.Volatile(), s },
			"a broadcast": func(io *server, _ *socketio.Socket) (volatile, regular socketio.Emitter) { return io.Volatile(), io },
		} {
			for _, arg := range []any{"text", []byte("binary")} {
				t.Run(fmt.Sprintf("%s/%s/%T", transport, name, arg), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						io := serve(t, socketio.Config{})
						c := siotest.Dial(t, io, siotest.Options{Transport: transport})
						settle()
						c.Stall()
						volatile, regular := to(io, socketOf(t, io.Namespace, c))
						must(t, volatile.Emit("first", arg, arg))
						must(t, volatile.Emit("too soon", arg, arg))
						synctest.Wait()
						must(t, volatile.Emit("still too soon", arg, arg))
						must(t, regular.Emit("regular", arg))
						must(t, volatile.Emit("behind it", arg))
						c.Resume()
						settle()
						must(t, volatile.Emit("in time", arg))
						settle()
						wantEvents(t, "the client", c, "first", "regular", "in time")
						if c.Closed() {
							t.Error("what came was no whole packet")
						}
					})
				})
			}
		}
	}
}
