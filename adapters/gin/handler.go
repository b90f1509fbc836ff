package siogin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// Mount serves io at its path under r, with and without a slash at the end, and
// below, for all methods.
func Mount(r gin.IRouter, io engine.Endpoint, opts ...Option) {
	h := Handler(io, opts...)
	path := io.Engine().Path()
	r.Any(path, h)
	r.Any(path+"/*any", h)
}

// Handler returns a handler that takes every request that reaches it for io's,
// whatever its path. It is the last of its chain.
func Handler(io engine.Endpoint, opts ...Option) gin.HandlerFunc {
	h, o := host.New(io), collect(opts)
	return func(c *gin.Context) {
		c.Abort() // nothing follows
		if err := h.Serve(c.Writer, c.Request, o.extras(h.Server(), c)); err != nil {
			fail(c, err)
		}
	}
}

// Middleware returns a middleware that serves the requests for io's path, and
// passes all others on.
func Middleware(io engine.Endpoint, opts ...Option) gin.HandlerFunc {
	h, path := Handler(io, opts...), io.Engine().Path()
	return func(c *gin.Context) {
		if host.Owns(path, c.Request.URL.Path) {
			h(c)
		}
	}
}

// fail answers a failure of the host as Gin applications do.
func fail(c *gin.Context, err error) {
	status := http.StatusInternalServerError
	if failed, ok := errors.AsType[*host.Error](err); ok {
		status = failed.Status
	}
	_ = c.Error(err)
	c.AbortWithStatusJSON(status, gin.H{"error": err.Error()})
}
