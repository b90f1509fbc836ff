package siofiber

import (
	"bytes"
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// An Option tells what a session should know of the request that began it.
type Option func(*options)

type options struct {
	context func(*fiber.Ctx) context.Context
	keys    []string
}

// WithContext sets the base of the contexts that the session's handlers are
// called with. The function is called once for each handshake. It must not keep
// the fiber.Ctx, nor strings that came from it, nor c.Context(): Fiber reuses
// their memory. The context's values count, its end does not, because the session
// outlives the request. Default: c.UserContext().
func WithContext(f func(*fiber.Ctx) context.Context) Option {
	return func(o *options) { o.context = f }
}

// Locals copies what c.Locals has under the keys to the session, once for each
// handshake. A key that is not set there is not set here.
//
// A string or []byte is copied, because Fiber reuses the memory that c.Get,
// c.Params and the like return. A middleware that stores a struct of such strings
// must copy them itself (utils.CopyString), or set fiber.Config.Immutable.
func Locals(keys ...string) Option {
	return func(o *options) { o.keys = append(o.keys, keys...) }
}

func collect(opts []Option) options {
	var o options
	for _, set := range opts {
		set(&o)
	}
	return o
}

// base returns the session's base context, nil for the background. It reports false
// if the user's function has failed.
func (o *options) base(srv *engine.Server, c *fiber.Ctx) (ctx context.Context, ok bool) {
	ctx, ok = c.UserContext(), true
	if o.context != nil {
		var own context.Context
		if ok = srv.Call("WithContext", func() { own = o.context(c) }); own != nil {
			ctx = own
		}
	}
	if ctx == context.Background() { // as nearly always: nothing to be kept
		return nil, ok
	}
	return context.WithoutCancel(ctx), ok
}

// values returns copies of the locals that were asked for.
func (o *options) values(c *fiber.Ctx) map[string]any {
	return host.Values(o.keys, func(key string) (any, bool) {
		switch v := c.Locals(key).(type) {
		case string:
			return strings.Clone(v), true
		case []byte:
			return bytes.Clone(v), true
		default:
			return v, v != nil
		}
	})
}
