package socketio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
)

// A socket's context is made when somebody asks for it, whenever that is.
func TestTheContextCanBeAskedForAtAnyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		a, b := dial(t, io), dial(t, io)
		settle()
		sa, sb := socketOf(t, io.Namespace, a), socketOf(t, io.Namespace, b)
		ctx := sa.Context()
		if ctx.Err() != nil || ctx != sa.Context() {
			t.Errorf("connected: %v, and it is not the same for all: %v", ctx.Err(), ctx != sa.Context())
		}
		a.Close()
		b.Close()
		settle()
		for name, ctx := range map[string]context.Context{"before": ctx, "again": sa.Context(), "late": sb.Context()} {
			if !errors.Is(ctx.Err(), context.Canceled) || context.Cause(ctx) != socketio.ErrDisconnected {
				t.Errorf("asked for %s: %v, because of %v", name, ctx.Err(), context.Cause(ctx))
			}
		}
	})
}

// Whatever contexts the middleware of a socket makes, all end with the socket; one
// that ends for itself ends those after it, and not the socket.
func TestAllContextsOfMiddlewareEndWithTheSocket(t *testing.T) {
	type key string
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var all []context.Context
		var cancel context.CancelFunc
		adds := func(name key) socketio.Middleware {
			return func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
				all = append(all, ctx)
				return context.WithValue(ctx, name, name), nil
			}
		}
		io.Use(adds("a"))
		io.Use(adds("b"))
		io.Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
			all = append(all, ctx)
			ctx, cancel = context.WithCancel(ctx)
			return ctx, nil
		})
		io.Use(adds("c"))
		io.Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
			all = append(all, ctx)
			return context.WithoutCancel(ctx), nil
		})
		io.Use(adds("d"))
		c := dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, c)
		all = append(all, s.Context())
		for _, name := range []key{"a", "b", "c", "d"} {
			if s.Context().Value(name) != name {
				t.Errorf("the value %q is %v", name, s.Context().Value(name))
			}
		}
		cancel()
		for i, ctx := range all {
			if ended := i == 3 || i == 4; (ctx.Err() != nil) != ended {
				t.Errorf("context %d, after the cancellation of the fourth: %v", i, ctx.Err())
			}
		}
		if !s.Connected() {
			t.Error("the socket has ended")
		}
		c.Close()
		settle()
		for i, ctx := range all {
			if ctx.Err() == nil || i != 3 && i != 4 && context.Cause(ctx) != socketio.ErrDisconnected {
				t.Errorf("context %d, after the socket's end: %v", i, context.Cause(ctx))
			}
		}
	})
}
