package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A diary is what an observer was told.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// want checks what was noted since the last time; where several may be told at the
// same time, in no order.
func (d *diary) want(t *testing.T, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.lines)
	slices.Sort(want)
	if !slices.Equal(d.lines, want) {
		t.Errorf("%s: told %q, want %q", what, d.lines, want)
	}
	d.lines = nil
}

func (d *diary) observer() *socketio.Observer {
	return &socketio.Observer{
		Observer: engine.Observer{
			SessionOpened: func(*engine.Session) { d.note("opened") },
			SessionClosed: func(_ *engine.Session, reason engine.Reason, _ error, _ time.Duration) { d.note("closed %s", reason) },
			PanicRecovered: func(in string, value any, stack []byte) {
				d.note("panic %s %v %v", in, value, strings.Contains(string(stack), "panic("))
			},
		},
		SocketConnected: func(s *socketio.Socket) { d.note("connected %s %v", s.Namespace().Name(), s.Recovered()) },
		SocketRefused: func(_ *engine.Session, namespace string, err *socketio.Error) {
			d.note("refused %s %s", namespace, err.Message)
		},
		SocketDisconnected: func(s *socketio.Socket, reason socketio.Reason) {
			d.note("disconnected %s %s", s.Namespace().Name(), reason)
		},
		EventReceived: func(e *socketio.Event) { d.note("received %s", e.Name()) },
		EventHandled: func(e *socketio.Event, took time.Duration, err error) {
			d.note("handled %s %v %v", e.Name(), took, err)
		},
		EventSent: func(_ *socketio.Socket, event string) { d.note("sent %s", event) },
		EventBroadcast: func(n *socketio.Namespace, event string, recipients int) {
			d.note("broadcast %s %s %d", n.Name(), event, recipients)
		},
		AckReceived: func(_ *socketio.Socket, event string, took time.Duration) { d.note("ack %s %v", event, took) },
		AckMissed:   func(_ *socketio.Socket, event string, err error) { d.note("no ack %s %v", event, err) },
		RoomCreated: func(n *socketio.Namespace, room string) { d.note("room %s %s", n.Name(), room) },
		RoomDeleted: func(n *socketio.Namespace, room string) { d.note("no room %s %s", n.Name(), room) },
	}
}

func TestObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		io := serve(t, socketio.Config{Observer: d.observer(), PingInterval: time.Hour})
		io.Of("/locked").Use(func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, &socketio.Error{Message: "not you"}
		})
		io.OnEvent("slow", func(_ context.Context, e *socketio.Event) error {
			time.Sleep(time.Second)
			return e.Ack()
		})
		io.OnEvent("fail", func(context.Context, *socketio.Event) error { return errors.New("no") })
		io.OnEvent("panic", func(context.Context, *socketio.Event) error { panic("oh") })

		a := siotest.Dial(t, io, siotest.Options{})
		d.want(t, "connect", "opened", "connected / false")
		b := siotest.Dial(t, io, siotest.Options{Namespace: "/"})
		d.want(t, "another", "opened", "connected / false")
		sa, sb := io.Socket(a.ID()), io.Socket(b.ID())
		_ = sa.Join("red")
		_ = sb.Join("red", "blue")
		d.want(t, "rooms", "room / red", "room / blue")
		_ = sb.Leave("blue")
		d.want(t, "rooms", "no room / blue")

		_ = io.To("red").Emit("news", 1)
		_ = sa.Emit("hello")
		d.want(t, "emit", "broadcast / news 2", "sent hello")

		a.Emit("slow")
		time.Sleep(2 * time.Second)
		a.Emit("fail")
		a.Emit("panic")
		d.want(t, "events", "received slow", "handled slow 1s <nil>", "received fail", "handled fail 0s no",
			"received panic", "panic panic oh true", "handled panic 0s "+socketio.ErrPanic.Error())

		a.On("ask", func(e siotest.Event) { time.Sleep(time.Second); e.Ack("yes") })
		if _, err := sa.EmitWithAck(t.Context(), "ask"); err != nil {
			t.Error(err)
		}
		_, err := sb.Timeout(time.Second).EmitWithAck(t.Context(), "ask")
		_, errAll := io.Timeout(2*time.Second).EmitWithAckAll(t.Context(), "ask")
		if !errors.Is(err, socketio.ErrAckTimeout) || !errors.Is(errAll, socketio.ErrAckTimeout) {
			t.Error(err, errAll)
		}
		go func() { _, _ = sb.EmitWithAck(t.Context(), "ask") }()
		synctest.Wait()
		b.Close()
		missed := "no ack ask " + socketio.ErrAckTimeout.Error()
		d.want(t, "acks", "sent ask", "ack ask 1s", "sent ask", missed, "broadcast / ask 2", "ack ask 1s", missed, "sent ask",
			"no ack ask "+socketio.ErrDisconnected.Error(), "disconnected / transport close", "closed transport close")
		if n := io.Stats().AckTimeouts; n != 2 {
			t.Errorf("%d timeouts are counted, want 2", n)
		}
		_ = sa.Disconnect(true)
		d.want(t, "the last leaves", "no room / red", "disconnected / server namespace disconnect", "closed forced close")

		c := siotest.Dial(t, io, siotest.Options{})
		d.want(t, "connect", "opened", "connected / false")
		c.SendRaw("40/locked,")
		c.SendRaw("40/nowhere,")
		d.want(t, "refused", "refused /locked not you", "refused /nowhere Invalid namespace")
		if stats := io.Stats(); stats.Refused != 2 || stats.Panics != 1 || stats.PendingAcks != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// A socket that comes back is told of as such.
func TestObserverOfRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		io := serve(t, socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}, Observer: &socketio.Observer{
			SocketConnected:    func(s *socketio.Socket) { d.note("connected %v", s.Recovered()) },
			SocketDisconnected: func(_ *socketio.Socket, reason socketio.Reason) { d.note("disconnected %s", reason) },
		}})
		c := siotest.Dial(t, io, siotest.Options{})
		_ = io.Emit("first")
		c.Expect("first")
		c.Abort()
		synctest.Wait()
		if err := c.Reconnect(); err != nil {
			t.Fatal(err)
		}
		d.want(t, "recovery", "connected false", "disconnected transport close", "connected true")
	})
}

// Functions of an observer may call anything, and their panics hurt nobody.
func TestObserverMayCallAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var io *server
		busy := func(n *socketio.Namespace, name string) {
			if name != "again" {
				_ = n.To("red").Emit("again")
			}
			for _, s := range n.Sockets() {
				_ = s.Join("red", "blue")
				_ = s.Leave("blue")
				_ = s.Emit("again")
			}
			_ = io.Stats()
			panic("in the observer")
		}
		io = serve(t, socketio.Config{})
		main := io.Namespace
		_ = io.Close()
		var calls sync.Map
		on := func(name, event string) { calls.Store(name, true); busy(main, event) }
		io = serve(t, socketio.Config{Observer: &socketio.Observer{
			Observer: engine.Observer{
				SessionOpened:  func(*engine.Session) { on("SessionOpened", "") },
				SessionClosed:  func(*engine.Session, engine.Reason, error, time.Duration) { on("SessionClosed", "") },
				PanicRecovered: func(string, any, []byte) { calls.Store("PanicRecovered", true); panic("again") },
			},
			SocketConnected:    func(*socketio.Socket) { on("SocketConnected", "") },
			SocketRefused:      func(*engine.Session, string, *socketio.Error) { on("SocketRefused", "") },
			SocketDisconnected: func(*socketio.Socket, socketio.Reason) { on("SocketDisconnected", "") },
			EventReceived:      func(*socketio.Event) { on("EventReceived", "") },
			EventHandled:       func(*socketio.Event, time.Duration, error) { on("EventHandled", "") },
			EventSent: func(_ *socketio.Socket, event string) {
				if event != "again" {
					on("EventSent", event)
				}
			},
			EventBroadcast: func(_ *socketio.Namespace, event string, _ int) {
				if event != "again" {
					on("EventBroadcast", event)
				}
			},
			AckReceived: func(*socketio.Socket, string, time.Duration) { on("AckReceived", "") },
			AckMissed:   func(*socketio.Socket, string, error) { on("AckMissed", "") },
			RoomCreated: func(*socketio.Namespace, string) { calls.Store("RoomCreated", true); panic("room") },
			RoomDeleted: func(*socketio.Namespace, string) { calls.Store("RoomDeleted", true); panic("room") },
		}})
		main = io.Namespace
		io.OnEvent("echo", func(_ context.Context, e *socketio.Event) error { return e.Ack(1) })
		a, b := siotest.Dial(t, io, siotest.Options{}), siotest.Dial(t, io, siotest.Options{})
		for range 3 {
			if got := siotest.Call[int](a, "echo"); got != 1 {
				t.Errorf("got %d", got)
			}
		}
		a.On("ask", func(e siotest.Event) { e.Ack("yes") })
		if _, err := io.Socket(a.ID()).EmitWithAck(t.Context(), "ask"); err != nil {
			t.Error(err)
		}
		_, _ = io.Timeout(time.Second).EmitWithAckAll(t.Context(), "ask")
		b.SendRaw("40/nowhere,")
		_ = io.Emit("hello")
		_ = io.Socket(b.ID()).Emit("hello")
		_ = io.Socket(a.ID()).Leave("red")
		synctest.Wait()
		a.Close()
		b.Close()
		synctest.Wait()
		for _, name := range []string{
			"SessionOpened", "SessionClosed", "PanicRecovered", "SocketConnected", "SocketRefused", "SocketDisconnected", "EventReceived",
			"EventHandled", "EventSent", "EventBroadcast", "AckReceived", "AckMissed", "RoomCreated", "RoomDeleted",
		} {
			if _, called := calls.Load(name); !called {
				t.Errorf("%s was not called", name)
			}
		}
		if n := io.Stats().Panics; n < 20 {
			t.Errorf("%d panics are counted", n)
		}
	})
}

// A client whose socket has no room for more events is not read, and that shows.
func TestWaitingAndWorking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxQueuedEvents: 2})
		held := make(chan struct{})
		io.OnEvent("hold", func(context.Context, *socketio.Event) error { <-held; return nil })
		c := siotest.Dial(t, io, siotest.Options{})
		for range 10 {
			c.Emit("hold")
		}
		synctest.Wait()
		if stats := io.Stats(); stats.Waiting != 1 || stats.Working != 1 {
			t.Errorf("%+v", stats)
		}
		close(held)
		synctest.Wait()
		if stats := io.Stats(); stats.Waiting != 0 || stats.Working != 0 {
			t.Errorf("%+v", stats)
		}
	})
}
