package siogin

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// An Option tells what a session should know of the request that began it.
type Option func(*options)

type options struct {
	context func(*gin.Context) context.Context
	keys    []string
}

// WithContext sets the base of the contexts that the session's handlers are
// called with. The function is called once for each handshake and must not keep
// the gin.Context, which Gin recycles. The context's values count, its end does
// not, because the session outlives the request. Default: the request's context.
func WithContext(f func(*gin.Context) context.Context) Option {
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
func (o *options) extras(srv *engine.Server, c *gin.Context) host.Extras {
	x := host.Extras{Hijacking: func() { c.Writer.WriteHeader(http.StatusSwitchingProtocols) }} // for loggers
	if !host.Handshake(c.Request.URL.RawQuery) {
		return x
	}
	if o.context != nil {
		x.Failed = !srv.Call("WithContext", func() { x.Context = o.context(c) })
	}
	x.Values = host.Values(o.keys, func(key string) (any, bool) { return c.Get(key) })
	return x
}
