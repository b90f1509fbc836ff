package socketio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestEventsOfASocketAreHandledInOrder(t *testing.T) {
	for _, transport := range []string{engine.WebSocket, engine.Polling} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				var got []int
				busy := false
				socketio.On(io, "n", func(_ context.Context, _ *socketio.Socket, n int) error {
					if busy {
						t.Error("two handlers run at the same time")
					}
					busy = true
					if n%100 == 0 {
						time.Sleep(time.Millisecond)
					}
					got = append(got, n)
					busy = false
					return nil
				})
				c := siotest.Dial(t, io, siotest.Options{Transport: transport})
				for n := range 1000 {
					c.Emit("n", n)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if len(got) != 1000 || !slices.IsSorted(got) {
					t.Errorf("%d events, in order: %v", len(got), slices.IsSorted(got))
				}
			})
		})
	}
}

func TestHandlersOfOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		on := func(r socketio.Registrar, name string) func() {
			return r.OnEvent("event", func(context.Context, *socketio.Event) error { seen.add("%s", name); return nil })
		}
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			on(s, "socket")
			return nil
		})
		on(io, "server")
		removeSecond := on(io, "second")
		on(io.Of("/other"), "other")
		c := dial(t, io)
		c.Emit("event")
		settle()
		seen.want(t, "server", "second", "socket")
		removeSecond()
		removeSecond()
		c.Emit("event")
		settle()
		seen.want(t, "server", "second", "socket", "server", "socket")
		io.OnEvent("event", func(context.Context, *socketio.Event) error { return socketio.ErrDisconnected })
		c.Emit("event")
		settle()
		seen.want(t, "server", "second", "socket", "server", "socket", "server") // an error stops
	})
}

func TestAHandlerMayRemoveItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		calls := 0
		var remove func()
		remove = io.OnEvent("once", func(context.Context, *socketio.Event) error {
			calls++
			remove()
			return nil
		})
		c := dial(t, io)
		c.SendRaw(`42["once"]`, `42["once"]`)
		settle()
		if calls != 1 {
			t.Errorf("called %d times", calls)
		}
	})
}

func TestEventMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		around := func(name string) func(next socketio.Handler) socketio.Handler {
			return func(next socketio.Handler) socketio.Handler {
				return func(ctx context.Context, e *socketio.Event) error {
					seen.add("%s(%s", name, e.Name())
					defer seen.add(")")
					if name == "second" && e.Name() == "secret" {
						return &socketio.Error{Message: "not for you"}
					}
					return next(ctx, e)
				}
			}
		}
		io.UseEvent(around("first"))
		io.UseEvent(around("second"))
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error { s.UseEvent(around("own")); return nil })
		handle := func(_ context.Context, e *socketio.Event) error { seen.add("handler"); return e.Ack("ok") }
		io.OnEvent("open", handle)
		io.OnEvent("secret", handle)
		c := dial(t, io)
		if ok := siotest.Call[string](c, "open"); ok != "ok" {
			t.Error(ok)
		}
		seen.want(t, "first(open", "second(open", "own(open", "handler", ")", ")", ")")
		if got := string(c.EmitWithAck("secret").Raw(0)); got != `{"error":{"message":"not for you"}}` {
			t.Errorf("acked %s", got)
		}
		if got := seen.got()[7:]; !slices.Equal(got, []string{"first(secret", "second(secret", ")", ")"}) {
			t.Errorf("got %q", got)
		}
		c.Emit("nobody handles this")
		settle()
		if got := seen.got()[11:]; len(got) != 6 {
			t.Errorf("the middleware of an unhandled event: %q", got)
		}
	})
}

func TestConcurrentHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{Concurrent: true, MaxQueuedEvents: 8})
		var running, most atomic.Int64
		gate := make(chan struct{})
		io.OnEvent("event", func(context.Context, *socketio.Event) error {
			n := running.Add(1)
			defer running.Add(-1)
			if n > most.Load() {
				most.Store(n)
			}
			<-gate
			return nil
		})
		handled := 0
		io.OnEvent("last", func(context.Context, *socketio.Event) error { handled++; return nil })
		c := dial(t, io)
		settle()
		for range 1000 {
			c.Emit("event")
		}
		c.Emit("last")
		settle()
		if n := running.Load(); n < 2 || n > 3*8 {
			t.Errorf("%d handlers run at the same time, of 1000 events", n)
		}
		if c.Unread() == 0 {
			t.Error("all events are read though no handler is through")
		}
		close(gate)
		settle()
		if handled != 1 || most.Load() > 3*8 {
			t.Errorf("handled %d, up to %d at the same time", handled, most.Load())
		}
	})
}

func TestAFullInboxStopsReadingOnlyThatClient(t *testing.T) {
	for name, row := range map[string]struct {
		cfg         socketio.Config
		send        string
		total, most int
	}{
		"events": {socketio.Config{}, "x", 1000, 64},
		"bytes":  {socketio.Config{MaxQueuedEvents: 1_000_000}, strings.Repeat("x", 100_000), 50, 11},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, row.cfg)
				gate := make(chan struct{})
				handled := 0
				socketio.On(io, "slow", func(context.Context, *socketio.Socket, string) error { <-gate; handled++; return nil })
				socketio.OnWithAck(io, "fast", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
				flood, honest := dial(t, io), dial(t, io)
				settle()
				flood.Emit("slow", row.send)
				settle()
				for range row.total {
					flood.Emit("slow", row.send)
				}
				settle()
				if read := row.total - flood.Unread(); read > row.most+1 { // one waits for room
					t.Errorf("%d events have been read", read)
				}
				if n := siotest.Call[int](honest, "fast", 7); n != 7 {
					t.Error(n)
				}
				must(t, io.Emit("broadcast"))
				settle()
				wantEvents(t, "the flooding client", flood, "broadcast")
				close(gate)
				settle()
				if handled != row.total+1 || flood.Unread() != 0 {
					t.Errorf("%d handled, %d unread", handled, flood.Unread())
				}
			})
		})
	}
}

func TestWhatIsHandledMakesRoom(t *testing.T) {
	for _, concurrent := range []bool{false, true} {
		t.Run(fmt.Sprint("concurrent:", concurrent), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{MaxQueuedEventBytes: 1000, Concurrent: concurrent})
				gate := make(chan struct{})
				io.OnEvent("slow", func(context.Context, *socketio.Event) error { <-gate; return nil })
				c := dial(t, io)
				settle()
				for range 100 {
					c.Emit("quick", strings.Repeat("x", 100))
				}
				settle()
				for range 6 {
					c.Emit("slow", strings.Repeat("x", 100))
				}
				settle()
				if n := c.Unread(); n != 0 {
					t.Errorf("%d events are unread", n)
				}
				close(gate)
			})
		})
	}
}

func TestTheEndOfAClientWhoseInboxIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		socketio.On(io, "slow", func(ctx context.Context, s *socketio.Socket, n int) error {
			if n == 0 {
				<-ctx.Done()
			}
			return nil
		})
		io.OnDisconnect(func(_ context.Context, s *socketio.Socket, r socketio.Reason) { seen.add("%s", r) })
		c := dial(t, io)
		settle()
		for n := range 1000 {
			c.Emit("slow", n)
		}
		settle()
		must(t, io.Socket(c.ID()).Disconnect(true))
		settle()
		seen.want(t, "server namespace disconnect")
		if !c.Closed() {
			t.Error("not closed")
		}
	})
}

func TestAHandlerThatNeverEndsDoesNotKeepTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		gate := make(chan struct{})
		ends := reasons(io)
		io.OnEvent("slow", func(context.Context, *socketio.Event) error { <-gate; return nil })
		c := dial(t, io)
		settle()
		for range 1000 {
			c.Emit("slow")
		}
		settle()
		must(t, io.Socket(c.ID()).Disconnect(true))
		<-c.Done()
		ends.want(t)
		close(gate)
		settle()
		ends.want(t, "server namespace disconnect")
	})
}

func TestABlockedHandlerHoldsUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		io.OnEvent("block", func(ctx context.Context, e *socketio.Event) error {
			n, err := socketio.EmitWithAck[int](ctx, e.Socket(), "ask")
			seen.add("ack %d %v", n, err)
			<-ctx.Done()
			seen.add("%v", context.Cause(ctx))
			return nil
		})
		io.OnDisconnect(func(_ context.Context, _ *socketio.Socket, r socketio.Reason) { seen.add("%s", r) })
		c := dial(t, io)
		c.On("ask", func(e siotest.Event) { e.Ack(5) })
		c.Emit("block")
		settle()
		seen.want(t, "ack 5 <nil>")
		c.Leave()
		settle()
		seen.want(t, "ack 5 <nil>", socketio.ErrDisconnected.Error(), "client namespace disconnect")
	})
}

// The ack stands behind the events that the client sent before, and these behind
// the handler that waits.
func TestAHandlerMayWaitForItsOwnClient(t *testing.T) {
	for name, row := range map[string]struct {
		behind int
		size   int
	}{"few": {10, 1}, "many": {500, 1}, "large": {20, 200_000}} {
		for _, alreadyFull := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " full:", alreadyFull), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					io := serve(t, socketio.Config{})
					gate := make(chan struct{})
					io.OnEvent("wait", func(ctx context.Context, e *socketio.Event) error {
						if alreadyFull {
							<-gate
						}
						start := time.Now()
						n, err := socketio.EmitWithAck[int](ctx, e.Socket(), "ask")
						if n != 5 || err != nil || time.Since(start) > time.Second {
							t.Errorf("%d, %v after %v", n, err, time.Since(start))
						}
						return nil
					})
					handled := 0
					io.OnEvent("other", func(context.Context, *socketio.Event) error { handled++; return nil })
					c := dial(t, io)
					settle()
					c.Emit("wait")
					settle()
					for range row.behind {
						c.Emit("other", strings.Repeat("x", row.size))
					}
					settle()
					close(gate)
					e := c.Expect("ask")
					e.Ack(5)
					settle()
					if handled != row.behind {
						t.Errorf("%d handled", handled)
					}
				})
			})
		}
	}
}

func TestArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		io.OnEvent("event", func(_ context.Context, e *socketio.Event) error {
			var n int64
			var blob []byte
			var any struct {
				Data []byte `json:"data"`
			}
			err := e.Bind(&n, &blob, &any)
			seen.add("%d %v %q %q %v %v", n, e.Len(), blob, any.Data, e.WantsAck(), err)
			return nil
		})
		for _, name := range []string{"1", "-2.5", "", "ünï \"x\""} {
			io.OnEvent(name, func(_ context.Context, e *socketio.Event) error {
				seen.add("%s: %d", e.Name(), e.Args().Len())
				return nil
			})
		}
		c := dial(t, io)
		c.Emit("event", 9007199254740993, []byte("blob"), map[string]any{"data": []byte{1}})
		c.SendRaw("42[1,2]", "42[-2.5]", "42", `42["ünï \"x\"",1,2]`)
		settle()
		seen.want(t, `9007199254740993 3 "blob" "\x01" false <nil>`, "1: 1", "-2.5: 0", ": 0", `ünï "x": 2`)
	})
}
