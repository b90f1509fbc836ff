package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

var (
	_ socketio.Registrar        = (*socketio.ParentNamespace)(nil)
	_ socketio.Emitter          = (*socketio.ParentNamespace)(nil)
	_ socketio.Emitter          = socketio.ParentBroadcast{}
	_ socketio.BroadcastEmitter = (*socketio.ParentNamespace)(nil)
	_ socketio.BroadcastEmitter = socketio.ParentBroadcast{}
)

type key string

// What a parent has holds for children of before and after, and comes before what
// they have of their own.
func TestChildrenInherit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var happened list
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		child := io.Of("/r1")
		register := func(who string, on interface {
			socketio.Registrar
			Use(socketio.Middleware)
			UseEvent(func(socketio.Handler) socketio.Handler)
			OnConnection(func(context.Context, *socketio.Socket) error)
			OnDisconnecting(func(context.Context, *socketio.Socket, socketio.Reason))
			OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason))
		}) {
			on.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
				happened.add("%s Use %s, after %v", who, s.Namespace().Name(), ctx.Value(key("use")))
				return context.WithValue(ctx, key("use"), who), nil
			})
			on.OnConnection(func(context.Context, *socketio.Socket) error { happened.add("%s OnConnection", who); return nil })
			on.UseEvent(func(next socketio.Handler) socketio.Handler {
				return func(ctx context.Context, e *socketio.Event) error {
					happened.add("%s UseEvent", who)
					return next(ctx, e)
				}
			})
			on.OnEvent("event", func(context.Context, *socketio.Event) error { happened.add("%s OnEvent", who); return nil })
			on.OnDisconnecting(func(context.Context, *socketio.Socket, socketio.Reason) { happened.add("%s OnDisconnecting", who) })
			on.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { happened.add("%s OnDisconnect", who) })
		}
		register("child", child)
		register("parent", p) // later, and comes first
		socketio.OnWithAck(p, "double", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return 2 * n, nil })
		c := dialIn(t, io, "/r1")
		settle()
		c.Emit("event")
		settle()
		c.Leave()
		settle()
		happened.want(t, "parent Use /r1, after <nil>", "child Use /r1, after parent",
			"parent OnConnection", "child OnConnection",
			"parent UseEvent", "child UseEvent", "parent OnEvent", "child OnEvent",
			"parent OnDisconnecting", "child OnDisconnecting", "parent OnDisconnect", "child OnDisconnect")
		if n := siotest.Call[int](dialIn(t, io, "/r2"), "double", 4); n != 8 {
			t.Errorf("a later child: %d", n)
		}
		settle()
	})
}

func TestAParentsHandlersCanBeTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		var handled list
		remove := p.OnEvent("event", func(context.Context, *socketio.Event) error { handled.add("once"); return nil })
		c := dialIn(t, io, "/r")
		c.Emit("event")
		settle()
		remove()
		c.Emit("event")
		settle()
		handled.want(t, "once")
	})
}

func TestAParentsMiddlewareRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		p.Use(func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, &socketio.Error{Message: "no"}
		})
		p.OnConnection(func(context.Context, *socketio.Socket) error { t.Error("connected"); return nil })
		wantRefused(t, openIn(t, io, "/r"), "no")
	})
}

func TestAParentsBroadcasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		if p.Emit("nobody hears", 1) != nil || p.Emit("event", make(chan int)) == nil || p.Emit("connect") == nil {
			t.Error("of a parent without children")
		}
		clients := map[string]*siotest.Client{}
		for _, name := range []string{"/r1", "/r2", "/r3", ""} {
			clients[name] = dialIn(t, io, name)
		}
		settle()
		for _, n := range p.Children() {
			must(t, n.SocketsJoin("all", "in"+n.Name()))
		}
		must(t, p.Emit("emit"))
		must(t, p.To("in/r1", "in/r2").Emit("to"))
		must(t, p.In("in/r1").In("in/r3").Emit("in"))
		must(t, p.Except("in/r1").Except("nobody").Emit("except"))
		must(t, p.To("all").Except("in/r2").Compress(false).Local().Emit("both"))
		must(t, p.Compress(true).Emit("compress"))
		must(t, p.Local().Emit("local"))
		settle()
		must(t, p.Volatile().Emit("volatile"))
		settle()
		wantEvents(t, "/r1", clients["/r1"], "emit", "to", "in", "both", "compress", "local", "volatile")
		wantEvents(t, "/r2", clients["/r2"], "emit", "to", "except", "compress", "local", "volatile")
		wantEvents(t, "/r3", clients["/r3"], "emit", "in", "except", "both", "compress", "local", "volatile")
		wantEvents(t, "/", clients[""])
		clients["/r1"].Stall()
		must(t, p.Emit("stuck"))
		settle()
		must(t, p.Volatile().Emit("dropped"))
		clients["/r1"].Resume()
		settle()
		wantEvents(t, "/r1", clients["/r1"], "stuck")
		if p.Emit("event", make(chan int)) == nil || p.To("x").Emit("disconnect") == nil {
			t.Error("no error")
		}
	})
}

func TestAParentsAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		if replies, err := p.EmitWithAckAll(t.Context(), "event"); err != nil || len(replies) != 0 {
			t.Error(replies, err)
		}
		for i := range 3 {
			c := dialIn(t, io, fmt.Sprintf("/r%d", i))
			c.On("event", func(e siotest.Event) { e.Ack(i) })
			c.On("some", func(e siotest.Event) {
				if i > 0 {
					e.Ack(i)
				}
			})
		}
		io.Of("/r-empty")
		settle()
		all, err := socketio.EmitWithAckAll[int](t.Context(), p, "event")
		slices.Sort(all)
		if err != nil || !slices.Equal(all, []int{0, 1, 2}) {
			t.Error(all, err)
		}
		start := time.Now()
		some, err := socketio.EmitWithAckAll[int](t.Context(), p.Timeout(time.Second), "some")
		slices.Sort(some)
		var missing *socketio.AckError
		if !errors.As(err, &missing) || missing.Expected != 3 || missing.Received != 2 || !errors.Is(err, socketio.ErrAckTimeout) {
			t.Error(err)
		}
		if took := time.Since(start); took != time.Second || !slices.Equal(some, []int{1, 2}) {
			t.Error(some, took)
		}
		if _, err := p.EmitWithAckAll(t.Context(), "event", make(chan int)); err == nil || errors.As(err, &missing) {
			t.Error(err)
		}
	})
}
