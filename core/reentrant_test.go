package socketio_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// Everything that a program may do from a hook.
var reentrant = map[string]func(io *server, s *socketio.Socket){
	"emit": func(io *server, s *socketio.Socket) {
		_ = s.Emit("x")
		_ = io.Emit("x")
		_ = s.To("room").Emit("x")
		_ = s.Volatile().Emit("x")
	},
	"rooms": func(io *server, s *socketio.Socket) {
		_ = s.Join("room", s.ID())
		_ = s.Rooms()
		_ = io.SocketsJoin("b")
		_ = s.Leave("room")
		_ = io.In("b").SocketsLeave("b")
		_, _ = io.FetchSockets(context.Background())
	},
	"acks": func(io *server, s *socketio.Socket) {
		_, _ = s.Timeout(time.Millisecond).EmitWithAck(context.Background(), "x")
		_, _ = io.Timeout(time.Millisecond).EmitWithAckAll(context.Background(), "x")
	},
	"disconnect":        func(_ *server, s *socketio.Socket) { _ = s.Disconnect(false) },
	"disconnect all":    func(_ *server, s *socketio.Socket) { _ = s.Disconnect(true) },
	"DisconnectSockets": func(io *server, _ *socketio.Socket) { _ = io.DisconnectSockets(true) },
	"Close":             func(io *server, _ *socketio.Socket) { _ = io.Close() },
	"Shutdown":          func(io *server, _ *socketio.Socket) { go func() { _ = io.Shutdown(context.Background()) }() },
	"Of and handlers": func(io *server, s *socketio.Socket) {
		io.Of("/new").OnEvent("x", func(context.Context, *socketio.Event) error { return nil })()
		s.OnEvent("y", func(context.Context, *socketio.Event) error { return nil })
		io.OnEvent("y", func(context.Context, *socketio.Event) error { return nil })
		io.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) {})
		io.OnConnection(func(context.Context, *socketio.Socket) error { return nil })
		_ = io.Stats()
	},
}

// Deadlocks would be noticed by synctest.
func TestEveryHookMayDoEverything(t *testing.T) {
	for name, do := range reentrant {
		t.Run(name, func(t *testing.T) {
			for hook := range 6 {
				synctest.Test(t, func(t *testing.T) {
					io := serve(t, socketio.Config{})
					var done atomic.Int64
					here := func(number int, s *socketio.Socket) {
						if number == hook {
							do(io, s)
							done.Add(1)
						}
					}
					io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) { here(0, s); return nil, nil })
					io.OnConnection(func(_ context.Context, s *socketio.Socket) error { here(1, s); return nil })
					io.OnEvent("event", func(_ context.Context, e *socketio.Event) error { here(2, e.Socket()); return nil })
					io.OnDisconnecting(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) { here(3, s) })
					io.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) { here(4, s) })
					io.UseEvent(func(next socketio.Handler) socketio.Handler {
						return func(ctx context.Context, e *socketio.Event) error {
							here(5, e.Socket())
							return next(ctx, e)
						}
					})
					other, c := open(t, io), open(t, io) // both, before a hook closes the server
					other.SendRaw("40")
					c.SendRaw("40")
					settle()
					c.SendRaw(`421["event"]`)
					settle()
					c.Close()
					time.Sleep(2 * time.Minute)
					synctest.Wait()
					if done.Load() == 0 && hook < 2 {
						t.Error("never called")
					}
				})
			}
		})
	}
}
