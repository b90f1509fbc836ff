package socketio_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// A catchAll is what both a namespace and a socket can do.
type catchAll interface {
	OnAny(f func(ctx context.Context, e *socketio.Event)) (remove func())
	PrependAny(f func(ctx context.Context, e *socketio.Event)) (remove func())
	OffAny()
	OnAnyOutgoing(f func(ctx context.Context, e *socketio.OutgoingEvent)) (remove func())
	PrependAnyOutgoing(f func(ctx context.Context, e *socketio.OutgoingEvent)) (remove func())
	OffAnyOutgoing()
}

func incoming(l *list, name string) func(context.Context, *socketio.Event) {
	return func(_ context.Context, e *socketio.Event) { l.add("%s %s", name, e.Name()) }
}

func outgoing(l *list, name string) func(context.Context, *socketio.OutgoingEvent) {
	return func(_ context.Context, e *socketio.OutgoingEvent) { l.add("%s %s %v", name, e.Name, e.Args) }
}

func TestOnAnyComesBeforeMiddlewareAndHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		io.UseEvent(func(next socketio.Handler) socketio.Handler {
			return func(ctx context.Context, e *socketio.Event) error { seen.add("use"); return next(ctx, e) }
		})
		io.OnEvent("known", func(context.Context, *socketio.Event) error { seen.add("handler"); return nil })
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			s.OnAny(incoming(seen, "socket"))
			s.PrependAny(incoming(seen, "socket first"))
			return nil
		})
		io.OnAny(incoming(seen, "server"))
		io.PrependAny(incoming(seen, "server first"))
		io.Of("/other").OnAny(incoming(seen, "other"))
		c := dial(t, io)
		c.Emit("known")
		c.Emit("unknown")
		settle()
		seen.want(t, "server first known", "server known", "socket first known", "socket known", "use", "handler",
			"server first unknown", "server unknown", "socket first unknown", "socket unknown", "use")
	})
}

func TestOnAnyMayAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.OnAny(func(_ context.Context, e *socketio.Event) {
			var text string
			must(t, e.Bind(&text))
			must(t, e.Ack("heard "+e.Name()+" "+text))
		})
		c := dial(t, io)
		if got := siotest.Call[string](c, "anything", "at all"); got != "heard anything at all" {
			t.Error(got)
		}
	})
}

func TestCatchAllListenersAreTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, on := range []string{"server", "socket"} {
			io, seen := serve(t, socketio.Config{}), new(list)
			c := dial(t, io)
			s := socketOf(t, io.Namespace, c)
			var r catchAll = io
			if on == "socket" {
				r = s
			}
			exchange := func(want ...string) {
				t.Helper()
				c.Emit("in")
				settle()
				must(t, s.Emit("out", 1))
				seen.want(t, want...)
				*seen = list{}
			}
			removeIn, removeOut := r.OnAny(incoming(seen, "a")), r.OnAnyOutgoing(outgoing(seen, "a"))
			r.OnAny(incoming(seen, "b"))
			r.PrependAnyOutgoing(outgoing(seen, "b"))
			exchange("a in", "b in", "b out [1]", "a out [1]")
			removeIn()
			removeOut()
			removeIn()
			removeOut()
			exchange("b in", "b out [1]")
			r.OffAny()
			exchange("b out [1]")
			r.OffAnyOutgoing()
			r.OffAnyOutgoing()
			exchange()
		}
	})
}

func TestAPanicOfACatchAllListenerHurtsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.OnAny(func(context.Context, *socketio.Event) { panic("in") })
		io.OnAnyOutgoing(func(context.Context, *socketio.OutgoingEvent) { panic("out") })
		socketio.OnWithAck(io, "in", func(_ context.Context, s *socketio.Socket, _ socketio.None) (int, error) {
			return 7, s.Emit("out")
		})
		c := dial(t, io)
		if got := siotest.Call[int](c, "in"); got != 7 || io.Stats().Panics != 2 {
			t.Error(got, io.Stats().Panics)
		}
		c.Expect("out")
		io.logs.want(t, "OnAnyOutgoing")
	})
}

func TestOnAnyOutgoingHearsWhatReachesTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		io.OnEvent("ask", func(_ context.Context, e *socketio.Event) error { return e.Ack("not heard") })
		a, b := dial(t, io), dial(t, io)
		s, other := socketOf(t, io.Namespace, a), socketOf(t, io.Namespace, b)
		must(t, s.Join("room"))
		s.OnAnyOutgoing(func(ctx context.Context, e *socketio.OutgoingEvent) {
			if e.Socket != s || ctx != s.Context() {
				t.Error("of another socket")
			}
			seen.add("%s%v", e.Name, e.Args)
		})
		for _, c := range []*siotest.Client{a, b} {
			c.On("question", func(e siotest.Event) { e.Ack() })
		}
		remote, err := io.In("room").FetchSockets(t.Context())
		must(t, err)
		for i, emit := range []func() error{
			func() error { return s.Emit("a", 1, "x") },
			func() error { return s.Send("b") },
			func() error { return s.Compress(false).Emit("c") },
			func() error { _, err := s.EmitWithAck(t.Context(), "question", 4); return err },
			func() error { return io.Emit("d") },
			func() error { return io.To("room").Send() },
			func() error { return other.Broadcast().Emit("e") },
			func() error { _, err := io.EmitWithAckAll(t.Context(), "question", 5); return err },
			func() error { return remote[0].Emit("f") },
			func() error { return io.Emit("g", []byte{1, 2}) },
			func() error { return io.To(other.ID()).Emit("not to it") },
			func() error { return s.Broadcast().Emit("not to itself") },
			func() error { return other.Emit("not to it") },
		} {
			if err := emit(); err != nil {
				t.Error(i, err)
			}
		}
		a.EmitWithAck("ask")
		if s.Emit("x", make(chan int)) == nil || s.Emit("connect") == nil || io.Emit("x", make(chan int)) == nil {
			t.Error("what cannot be sent was sent")
		}
		seen.want(t, "a[1 x]", "message[b]", "c[]", "question[4]", "d[]", "message[]", "e[]", "question[5]", "f[]", "g[[1 2]]")
	})
}

// What Volatile drops is heard, as in Node; what fails is not.
func TestOnAnyOutgoingWhenNothingLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		io.OnAnyOutgoing(outgoing(seen, "sent"))
		c := dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, c)
		c.Stall()
		must(t, s.Emit("stuck"))
		must(t, s.Volatile().Emit("dropped"))
		must(t, io.Volatile().Emit("dropped"))
		if _, err := s.Volatile().EmitWithAck(t.Context(), "failed"); err != socketio.ErrDropped {
			t.Error(err)
		}
		must(t, s.Disconnect(true))
		if err := s.Emit("failed"); err != socketio.ErrDisconnected {
			t.Error(err)
		}
		must(t, io.Emit("to nobody"))
		seen.want(t, "sent stuck []", "sent dropped []", "sent dropped []")
	})
}

func TestAnOutgoingListenerOfTheNamespaceHearsOfEachReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		got := []string{}
		io.OnAnyOutgoing(func(_ context.Context, e *socketio.OutgoingEvent) { got = append(got, e.Socket.ID()) })
		want := []string{dial(t, io).ID(), dial(t, io).ID()}
		must(t, io.Emit("x"))
		must(t, io.Of("/other").Emit("x"))
		slices.Sort(got)
		slices.Sort(want)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// A listener may do what it likes: no lock is held, and lists may change.
func TestAnOutgoingListenerMayEmitAndRemoveItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		c := dial(t, io)
		var remove func()
		remove = io.OnAnyOutgoing(func(_ context.Context, e *socketio.OutgoingEvent) {
			seen.add("%s", e.Name)
			if e.Name == "first" {
				must(t, io.Emit("second"))
				must(t, e.Socket.Join("room"))
				remove()
			}
		})
		must(t, io.Emit("first"))
		must(t, io.Emit("third"))
		settle()
		seen.want(t, "first", "second")
		wantEvents(t, "the client", c, "first", "second", "third")
	})
}
