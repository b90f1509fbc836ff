package socketio_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		add := func(name string) socketio.Handler {
			return func(_ context.Context, e *socketio.Event) error { seen.add("%s", name); return nil }
		}
		io.OnceEvent("event", add("server once"))
		io.OnEvent("event", add("server"))
		io.OnceEvent("event", add("removed"))()
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			socketio.Once(s, "event", func(_ context.Context, _ *socketio.Socket, n int) error {
				seen.add("socket once %d", n)
				return nil
			})
			socketio.OnceWithAck(s, "ask", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n + 1, nil })
			return nil
		})
		a, b := dial(t, io), dial(t, io)
		a.Emit("event", 1)
		settle()
		a.Emit("event", 2)
		settle()
		b.Emit("event", 3)
		settle()
		seen.want(t, "server once", "server", "socket once 1", "server", "server", "socket once 3")
		if got := string(a.EmitWithAck("ask", 1).Raw(0)); got != "2" {
			t.Error(got)
		}
		a.SendRaw(`429["ask",1]`)
		a.Raw()
		settle()
		wantRaw(t, "the second ask", a)
	})
}

func TestOnceIsOnceWhenEventsAreHandledTogether(t *testing.T) {
	for range 20 {
		io := serve(t, socketio.Config{Concurrent: true})
		var calls, all atomic.Int64
		io.OnceEvent("event", func(context.Context, *socketio.Event) error { calls.Add(1); return nil })
		io.OnEvent("event", func(context.Context, *socketio.Event) error { all.Add(1); return nil })
		c := dial(t, io)
		for range 32 {
			c.SendRaw(`42["event"]`, `42["event"]`)
		}
		for all.Load() < 64 {
			time.Sleep(time.Millisecond)
		}
		if n := calls.Load(); n != 1 {
			t.Fatalf("called %d times", n)
		}
	}
}

func TestOnceWaitsForAnEventThatIsLetThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		io.UseEvent(func(next socketio.Handler) socketio.Handler {
			return func(ctx context.Context, e *socketio.Event) error {
				if e.Len() == 0 {
					return errors.New("refused")
				}
				return next(ctx, e)
			}
		})
		io.OnceEvent("event", func(_ context.Context, e *socketio.Event) error { seen.add("called"); return errors.New("failed") })
		c := dial(t, io)
		c.Emit("event")
		c.Emit("event", 1)
		c.Emit("event", 2)
		settle()
		seen.want(t, "called")
	})
}

func TestOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		add := func(r socketio.Registrar, event, name string) func() {
			return r.OnEvent(event, func(context.Context, *socketio.Event) error { seen.add("%s", name); return nil })
		}
		c := dial(t, io)
		s := socketOf(t, io.Namespace, c)
		remove := add(io, "a", "server")
		add(io, "a", "server too")
		add(io, "b", "b")
		add(s, "a", "socket")
		send := func(want ...string) {
			t.Helper()
			c.Emit("a")
			c.Emit("b")
			settle()
			seen.want(t, want...)
			*seen = list{}
		}
		send("server", "server too", "socket", "b")
		io.Off("a")
		io.Off("unknown")
		remove()
		send("socket", "b")
		s.Off("a")
		send("b")
		add(io, "a", "again")
		send("again", "b")
	})
}

func TestWhatASocketCanDoAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		c := dial(t, io)
		s := socketOf(t, io.Namespace, c)
		must(t, s.Join("room"))
		c.Close()
		settle()
		for name, err := range map[string]error{
			"Join": s.Join("room"), "Leave": s.Leave("room"), "Emit": s.Emit("x"), "Send": s.Send("x"),
			"Timeout":    s.Timeout(time.Second).Emit("x"),
			"Volatile":   socketio.ErrDisconnected,
			"Compress":   s.Compress(false).Emit("x"),
			"Disconnect": s.Disconnect(true),
		} {
			if err != socketio.ErrDisconnected {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(t, s.Volatile().Emit("x")) // dropped, as to any client that cannot have it at once
		if _, err := s.Timeout(time.Second).EmitWithAck(t.Context(), "x"); err != socketio.ErrDisconnected {
			t.Error(err)
		}
		must(t, s.Broadcast().Emit("x"))
		must(t, s.To("room").Emit("x"))
		if rooms := s.Rooms(); len(rooms) != 0 || s.Connected() || io.Stats().Rooms != 0 {
			t.Error(rooms, s.Connected(), io.Stats().Rooms)
		}
		s.OnceEvent("x", func(context.Context, *socketio.Event) error { return nil })
		s.Off("x")
	})
}
