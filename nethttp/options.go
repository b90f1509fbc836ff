package nethttp

import (
	"context"
	"net/http"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// An Option tells what a session should know of the request that began it.
type Option func(*options)

type options struct {
	context func(*http.Request) context.Context
	values  func(*http.Request) map[string]any
}

// WithContext sets the base of the contexts that the session's handlers are
// called with. The function is called once for each handshake. The context's
// values count, its end does not, because the session outlives the request.
// Default: the request's context.
func WithContext(f func(*http.Request) context.Context) Option {
	return func(o *options) { o.context = f }
}

// Values sets the values that the session gets, such as the user that an
// authentication middleware has found. The function is called once for each
// handshake.
func Values(f func(*http.Request) map[string]any) Option {
	return func(o *options) { o.values = f }
}

func collect(opts []Option) options {
	var o options
	for _, set := range opts {
		set(&o)
	}
	return o
}

// extras collects what the options ask for, at a handshake.
func (o *options) extras(srv *engine.Server, r *http.Request) (x host.Extras) {
	if !host.Handshake(r.URL.RawQuery) {
		return x
	}
	if o.context != nil {
		x.Failed = !srv.Call("WithContext", func() { x.Context = o.context(r) })
	}
	if o.values != nil && !x.Failed {
		x.Failed = !srv.Call("Values", func() { x.Values = o.values(r) })
	}
	return x
}
