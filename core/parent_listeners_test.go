package socketio_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
)

// withChildren makes a parent, hands it over, and connects a client to a child that
// was there before and one to a child of afterwards.
func withChildren(t *testing.T, setUp func(p *socketio.ParentNamespace, child *socketio.Namespace),
	story func(io *server, p *socketio.ParentNamespace, early, late *socketio.Socket, send func(event string, args ...any)),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		child := io.Of("/r-early")
		setUp(p, child)
		early, late := dialIn(t, io, "/r-early"), dialIn(t, io, "/r-late")
		settle()
		story(io, p, socketOf(t, child, early), socketOf(t, io.Of("/r-late"), late), func(event string, args ...any) {
			for _, c := range []interface{ Emit(string, ...any) }{early, late} {
				c.Emit(event, args...)
				settle()
			}
		})
	})
}

func TestChildrenInheritCatchAllListeners(t *testing.T) {
	seen := new(list)
	withChildren(t, func(p *socketio.ParentNamespace, child *socketio.Namespace) {
		child.OnAny(incoming(seen, "child"))
		p.OnAny(incoming(seen, "parent"))
		p.PrependAny(incoming(seen, "first"))
	}, func(_ *server, p *socketio.ParentNamespace, early, _ *socketio.Socket, send func(string, ...any)) {
		early.OnAny(incoming(seen, "socket"))
		send("in")
		p.OffAny()
		send("off")
		seen.want(t, "first in", "parent in", "child in", "socket in", "first in", "parent in",
			"child off", "socket off")
	})
}

func TestChildrenInheritOutgoingListeners(t *testing.T) {
	seen := new(list)
	withChildren(t, func(p *socketio.ParentNamespace, child *socketio.Namespace) {
		p.OnAnyOutgoing(outgoing(seen, "parent"))
		p.PrependAnyOutgoing(outgoing(seen, "first"))
	}, func(io *server, p *socketio.ParentNamespace, early, late *socketio.Socket, _ func(string, ...any)) {
		must(t, late.Emit("out", 1)) // nobody else listens
		removeChild := early.Namespace().OnAnyOutgoing(outgoing(seen, "child"))
		must(t, early.Namespace().Emit("all"))
		seen.want(t, "first out [1]", "parent out [1]", "first all []", "parent all []", "child all []")
		*seen = list{}
		removeChild()
		removeOwn := late.OnAnyOutgoing(outgoing(seen, "socket"))
		p.OffAnyOutgoing()
		must(t, p.Emit("off"))
		seen.want(t, "socket off []")
		*seen = list{}
		removeOwn()
		remove := p.OnAnyOutgoing(outgoing(seen, "again"))
		must(t, p.To(late.ID()).Emit("to"))
		must(t, io.Emit("of no child"))
		remove()
		must(t, p.Emit("removed"))
		seen.want(t, "again to []")
	})
}

func TestChildrenInheritOnce(t *testing.T) {
	seen := new(list)
	hear := func(who string) socketio.Handler {
		return func(_ context.Context, e *socketio.Event) error { seen.add("%s %s", who, e.Name()); return nil }
	}
	withChildren(t, func(p *socketio.ParentNamespace, child *socketio.Namespace) {
		p.OnceEvent("event", hear("once"))
		socketio.Once(p, "event", func(_ context.Context, s *socketio.Socket, n int) error {
			seen.add("typed %d %s", n, s.Namespace().Name())
			return nil
		})
		p.OnEvent("event", hear("parent"))
		child.OnEvent("event", hear("child"))
	}, func(_ *server, p *socketio.ParentNamespace, _, _ *socketio.Socket, send func(string, ...any)) {
		send("event", 1)
		p.Off("event")
		send("event", 2)
		seen.want(t, "once event", "typed 1 /r-early", "parent event", "child event", "parent event", "child event")
	})
}

func TestChildrenInheritOnError(t *testing.T) {
	seen := new(list)
	hear := func(who string) func(context.Context, *socketio.Socket, *socketio.Event, error) {
		return func(_ context.Context, s *socketio.Socket, _ *socketio.Event, err error) {
			seen.add("%s %s %v", who, s.Namespace().Name(), err)
		}
	}
	withChildren(t, func(p *socketio.ParentNamespace, child *socketio.Namespace) {
		child.OnError(hear("child"))
		p.OnEvent("event", func(context.Context, *socketio.Event) error { return errors.New("no") })
		p.OnError(hear("parent"))
	}, func(io *server, _ *socketio.ParentNamespace, _, late *socketio.Socket, send func(string, ...any)) {
		late.OnError(hear("socket"))
		send("event")
		seen.want(t, "parent /r-early no", "child /r-early no", "parent /r-late no", "socket /r-late no")
		if log := io.logs.String(); log != "" {
			t.Error("logged as well:", log)
		}
	})
}

func TestAParentSends(t *testing.T) {
	seen := new(list)
	withChildren(t, func(p *socketio.ParentNamespace, _ *socketio.Namespace) {
		p.OnAnyOutgoing(outgoing(seen, "sent"))
	}, func(_ *server, p *socketio.ParentNamespace, early, _ *socketio.Socket, _ func(string, ...any)) {
		must(t, p.To(early.ID()).Send(1))
		must(t, p.Send())
		seen.want(t, "sent message [1]", "sent message []", "sent message []")
	})
}
