package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A thousand handlers that do not return keep nobody from anything.
func TestAThousandHandlersThatBlock(t *testing.T) {
	for _, concurrent := range []bool{false, true} {
		t.Run(fmt.Sprintf("concurrent %v", concurrent), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{Concurrent: concurrent, PingInterval: time.Hour})
				socketio.OnWithAck(io, "echo", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
				release := make(chan struct{})
				io.OnEvent("block", func(context.Context, *socketio.Event) error { <-release; return nil })
				canary := dial(t, io)
				for range 1000 {
					dial(t, io).SendRaw(`42["block"]`)
				}
				settle()
				for n := range 100 {
					if got := siotest.Call[int](canary, "echo", n); got != n {
						t.Fatalf("the canary gets %d", got)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				start := time.Now()
				err := io.Shutdown(ctx)
				if took := time.Since(start); took != 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Shutdown took %v: %v", took, err)
				}
				if !canary.Closed() || io.Stats().Sockets != 0 {
					t.Errorf("closed: %v, %d sockets", canary.Closed(), io.Stats().Sockets)
				}
				close(release)
				settle()
				must(t, io.Shutdown(t.Context())) // now no handler runs
			})
		})
	}
}

// 64 goroutines use the same sockets while the server is closed, by several of them.
func TestClosingAmidstEverything(t *testing.T) {
	io := serve(t, socketio.Config{AckTimeout: 50 * ms})
	clients := crowded(t, io, 32)
	var sockets []*socketio.Socket
	for _, c := range clients {
		sockets = append(sockets, io.Socket(c.ID()))
	}
	ends := reasons(io)
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := range 40 {
				s := sockets[(g+i)%len(sockets)]
				_ = s.Emit("x", []byte{1}, i)
				_ = io.To("room").Emit("x", i)
				_ = s.Join("room")
				_ = s.Leave("room")
				_, _ = io.FetchSockets(t.Context())
				_ = io.SocketsJoin("room")
				if i == 20 && g%8 == 0 {
					_ = io.Close()
				}
				if i == 20 && g%8 == 1 {
					_ = io.Shutdown(t.Context())
				}
				if i > 20 && g%8 == 2 {
					_ = s.Disconnect(i%2 == 0)
				}
			}
		})
	}
	wg.Wait()
	must(t, io.Shutdown(t.Context()))
	if n := len(ends.got()); n != len(clients) {
		t.Errorf("%d clients, %d ends", len(clients), n)
	}
	if stats := io.Stats(); stats.Sockets != 0 || stats.Rooms != 0 || stats.Panics+stats.Engine.Panics != 0 {
		t.Errorf("left: %+v", stats)
	}
}

// A server may be closed whenever its program likes: before it is mounted, twice, and
// while a client is on its way in.
func TestCloseAtAnyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unmounted := serve(t, socketio.Config{})
		must(t, unmounted.Close())
		must(t, unmounted.Close())
		must(t, unmounted.Shutdown(t.Context()))
		must(t, unmounted.Emit("x"))

		for _, transport := range []string{engine.Polling, engine.WebSocket} {
			var io *server
			io = serve(t, socketio.Config{AllowRequest: func(context.Context, *engine.Request) error { return io.Close() }})
			r := &engine.Request{Method: "GET", Path: "/socket.io/", RawQuery: "EIO=4&transport=" + transport, Header: engine.Header{}}
			if transport == engine.Polling {
				if reply := io.Engine().ServePoll(t.Context(), r); reply.Status != 503 {
					t.Errorf("polling: %d %s", reply.Status, reply.Body)
				}
				continue
			}
			c := func() (c *siotest.Client) {
				defer func() { _ = recover() }()
				return siotest.Open(nil, io, siotest.Options{Transport: transport})
			}()
			synctest.Wait()
			if c != nil && !c.Closed() {
				t.Error("a client got in while the server was closed")
			}
		}
	})
}

// An event may be acknowledged when its client has gone, and that is an error.
func TestAnAckAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		events := make(chan *socketio.Event, 1)
		io.OnEvent("ask", func(_ context.Context, e *socketio.Event) error { events <- e; return nil })
		c := dial(t, io)
		c.SendRaw(`420["ask"]`)
		settle()
		c.Close()
		settle()
		e := <-events
		if err := e.Ack(); !errors.Is(err, socketio.ErrDisconnected) {
			t.Errorf("first: %v", err)
		}
		if err := e.Ack(); !errors.Is(err, socketio.ErrAlreadyAcked) {
			t.Errorf("second: %v", err)
		}
	})
}

// A listener that ends the goroutine which emits leaves no ack behind that nobody
// waits for.
func TestAWaitForAnAckThatEndsWithItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		s := socketOf(t, io.Namespace, dial(t, io))
		io.OnAnyOutgoing(func(context.Context, *socketio.OutgoingEvent) { mishaps["Goexit"]() })
		for range 2 {
			go func() { _, _ = s.EmitWithAck(t.Context(), "x") }()
			go func() { _, _ = io.EmitWithAckAll(t.Context(), "x") }()
		}
		synctest.Wait()
		if n := io.Stats().PendingAcks; n != 0 {
			t.Errorf("%d acks are pending", n)
		}
	})
}
