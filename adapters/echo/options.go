package sioecho

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// An Option tells what a session should know of the request that began it.
type Option func(*options)

type options struct {
	context func(echo.Context) context.Context
	keys    []string
}

// WithContext sets the base of the contexts that the session's handlers are
// called with. The function is called once for each handshake and must not keep
// the echo.Context, which Echo recycles. The context's values count, its end does
// not, because the session outlives the request. Default: the request's context.
func WithContext(f func(echo.Context) context.Context) Option {
	return func(o *options) { o.context = f }
}

// Values copies what c.Get has under the keys to the session, once for each
// handshake. A key that is not set there is not set here.
func Values(keys ...string) Option {
	return func(o *options) { o.keys = append(o.keys, keys...) }
}

func collect(opts []Option) options {
	var o options
	for _, set := range opts {
		set(&o)
	}
	return o
}

// extras collects what the options ask for, at a handshake.
func (o *options) extras(srv *engine.Server, c echo.Context) host.Extras {
	x := host.Extras{Hijacking: func() { switching(c.Response()) }}
	if !host.Handshake(c.Request().URL.RawQuery) {
		return x
	}
	if o.context != nil {
		x.Failed = !srv.Call("WithContext", func() { x.Context = o.context(c) })
	}
	x.Values = host.Values(o.keys, func(key string) (any, bool) {
		v := c.Get(key)
		return v, v != nil
	})
	return x
}

// switching tells middlewares what became of the response, and to leave it alone.
func switching(r *echo.Response) {
	r.Status = http.StatusSwitchingProtocols
	r.Committed = true
}
