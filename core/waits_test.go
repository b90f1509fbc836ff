package socketio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A wait is something that ends by itself. begin makes it begin, now, on a server
// with the defaults, and returns what tells whether it has ended.
type wait struct {
	name  string
	takes time.Duration // to the millisecond
	begin func(t *testing.T, io *server) (ended func() bool)
}

// Every wait of the package; those of connections are in core/engine.
var waits = []wait{
	{"CONNECT over WebSocket", 45 * time.Second, func(t *testing.T, io *server) func() bool { return open(t, io).Closed }},
	{"CONNECT over polling, from the handshake on", 45 * time.Second, func(t *testing.T, io *server) func() bool {
		return siotest.Open(t, io, siotest.Options{Transport: engine.Polling}).Closed
	}},
	{"CONNECT, after one that was refused", 45*time.Second - time.Second, func(t *testing.T, io *server) func() bool {
		c := open(t, io)
		time.Sleep(time.Second)
		c.SendRaw("40/unknown,")
		return c.Closed
	}},
	{"CONNECT, while a middleware takes its time", 45 * time.Second, func(t *testing.T, io *server) func() bool {
		io.Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) { <-ctx.Done(); return nil, nil })
		c := open(t, io)
		c.SendRaw("40")
		return c.Closed
	}},
	{"CONNECT, while OfFunc takes its time", 45 * time.Second, func(t *testing.T, io *server) func() bool {
		io.OfFunc(func(ctx context.Context, _ string, _ *socketio.Handshake) (bool, error) {
			<-ctx.Done()
			return false, nil
		})
		c := open(t, io)
		c.SendRaw("40/room,")
		return c.Closed
	}},
	{"attachments", 30 * time.Second, func(t *testing.T, io *server) func() bool {
		c := dial(t, io)
		c.SendRaw(`452-["event",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
		return c.Closed
	}},
	{"attachments, after the first of two", 30*time.Second - 20*time.Second, func(t *testing.T, io *server) func() bool {
		c := dial(t, io)
		c.SendRaw(`452-["event",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
		time.Sleep(20 * time.Second)
		c.SendRaw([]byte("one"))
		return c.Closed
	}},
	{"ack", time.Minute, func(t *testing.T, io *server) func() bool {
		s := socketOf(t, io.Namespace, dial(t, io))
		return gives(socketio.ErrAckTimeout, func() error { _, err := s.EmitWithAck(t.Context(), "x"); return err })
	}},
	{"ack, with Timeout", 1234 * ms, func(t *testing.T, io *server) func() bool {
		s := socketOf(t, io.Namespace, dial(t, io))
		return gives(socketio.ErrAckTimeout, func() error {
			_, err := s.Timeout(1234*ms).EmitWithAck(t.Context(), "x")
			return err
		})
	}},
	{"ack, with a deadline", 100 * time.Second, func(t *testing.T, io *server) func() bool {
		s := socketOf(t, io.Namespace, dial(t, io))
		return gives(context.DeadlineExceeded, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
			defer cancel()
			_, err := s.EmitWithAck(ctx, "x")
			return err
		})
	}},
	{"acks of all", time.Minute, func(t *testing.T, io *server) func() bool {
		dial(t, io)
		return gives(socketio.ErrAckTimeout, func() error { _, err := io.EmitWithAckAll(t.Context(), "x"); return err })
	}},
	{"answers of other nodes", 5 * time.Second, func(t *testing.T, _ *server) func() bool {
		io := withASilentNode(t)
		return gives(socketio.ErrAckTimeout, func() error { _, err := io.FetchSockets(t.Context()); return err })
	}},
	{"acks of other nodes' clients, while one says nothing", 5 * time.Second, func(t *testing.T, _ *server) func() bool {
		io := withASilentNode(t)
		return gives(socketio.ErrAckTimeout, func() error { _, err := io.EmitWithAckAll(t.Context(), "x"); return err })
	}},
	{"acks for another node that has not said how long", time.Minute, func(t *testing.T, _ *server) func() bool {
		link := backplane.NewMemory()
		io, p := serve(t, socketio.Config{Backplane: link}), pull(t, link)
		dial(t, io)
		must(t, p.Publish(backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Request: "r", Data: event(`["x"]`)}))
		synctest.Wait()
		return func() bool { return io.Stats().PendingAcks == 0 }
	}},
	{"OnConnection after the answer", 2 * ms, func(t *testing.T, io *server) func() bool {
		called := make(chan struct{})
		io.OnConnection(func(context.Context, *socketio.Socket) error { close(called); return nil })
		open(t, io).SendRaw("40")
		return isClosed(called)
	}},
	{"client that is away", 2 * time.Minute, func(t *testing.T, io *server) func() bool {
		var all []*siotest.Client // one for each look
		for range 2 {
			c := dial(t, io)
			must(t, io.Emit("something"))
			synctest.Wait()
			all = append(all, c)
		}
		settle()
		for _, c := range all {
			c.Abort()
		}
		synctest.Wait()
		return func() bool {
			c := all[0]
			all = all[1:]
			must(t, c.Reconnect())
			return !c.Recovered()
		}
	}},
	{"event that Deduplicate remembers", 5 * time.Minute, func(t *testing.T, io *server) func() bool {
		io.UseEvent(socketio.Deduplicate(socketio.DedupeConfig{
			ID: socketio.IDFromFirst, Scope: func(s *socketio.Socket) string { return s.ID() },
		}))
		calls := 0
		socketio.OnWithAck(io, "x", func(_ context.Context, _ *socketio.Socket, _ string) (int, error) { calls++; return calls, nil })
		c := dial(t, io)
		settle()
		_ = siotest.Call[int](c, "x", "id")
		return func() bool { return siotest.Call[int](c, "x", "id") == 2 }
	}},
	{"grace for handlers", time.Second, func(t *testing.T, io *server) func() bool {
		c := stuck(t, io)
		go func() { _ = io.Shutdown(t.Context()) }()
		return c.Closed
	}},
	{"Shutdown, as its context says", 3 * time.Second, func(t *testing.T, io *server) func() bool {
		stuck(t, io)
		return gives(context.DeadlineExceeded, func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			return io.Shutdown(ctx)
		})
	}},
	{"Shutdown, whose context is shorter than the grace", 300 * ms, func(t *testing.T, io *server) func() bool {
		stuck(t, io)
		return gives(context.DeadlineExceeded, func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 300*ms)
			defer cancel()
			return io.Shutdown(ctx)
		})
	}},
}

func TestEveryWaitEndsOnTime(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}})
				ended := w.begin(t, io)
				start := time.Now()
				time.Sleep(w.takes - ms)
				synctest.Wait()
				if ended() {
					t.Fatalf("ended before %v", w.takes)
				}
				time.Sleep(time.Until(start.Add(w.takes)))
				synctest.Wait()
				if !ended() {
					t.Errorf("not ended after %v", w.takes)
				}
			})
		})
	}
}

// A client that does in the last millisecond what is waited for has done it in time.
func TestTheLastMillisecondCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		late, cut := open(t, io), dial(t, io)
		time.Sleep(15 * time.Second)
		cut.SendRaw(`451-["event",{"_placeholder":true,"num":0}]`)
		time.Sleep(30*time.Second - ms)
		late.SendRaw("40")
		cut.SendRaw([]byte("one"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if late.Closed() || cut.Closed() {
			t.Errorf("closed: %v, %v", late.Closed(), cut.Closed())
		}
	})
}

// withASilentNode makes a server that has another node beside it, which says nothing.
func withASilentNode(t *testing.T) *server {
	link := backplane.NewMemory()
	pull(t, link)
	return serve(t, socketio.Config{Backplane: link})
}

// stuck connects a client whose handler does not return before the test's end.
func stuck(t *testing.T, io *server) *siotest.Client {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	io.OnEvent("stuck", func(context.Context, *socketio.Event) error { <-release; return nil })
	c := dial(t, io)
	c.SendRaw(`42["stuck"]`)
	settle()
	return c
}

// gives reports whether f, which begins now, has returned, with an error like this.
func gives(want error, f func() error) func() bool {
	returned := make(chan error, 1)
	go func() { returned <- f() }()
	return func() bool {
		select {
		case err := <-returned:
			return errors.Is(err, want)
		default:
			return false
		}
	}
}

func isClosed(c chan struct{}) func() bool {
	return func() bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
}
