package nethttp

import (
	"errors"
	"net/http"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// A Mux is what Mount registers handlers with: an *http.ServeMux, or any router
// with the same method.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Mount serves io at its path, with and without a slash at the end, and below.
func Mount(mux Mux, io engine.Endpoint, opts ...Option) {
	h := Handler(io, opts...)
	path := io.Engine().Path()
	mux.Handle(path, h)
	mux.Handle(path+"/", h)
}

// Handler returns a handler that takes every request that reaches it for io's,
// whatever its path.
func Handler(io engine.Endpoint, opts ...Option) http.Handler {
	h, o := host.New(io), collect(opts)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.Serve(w, r, o.extras(h.Server(), r)); err != nil {
			fail(w, h.Server(), err)
		}
	})
}

// Middleware returns a middleware that serves the requests for io's path, and
// passes all others on.
func Middleware(io engine.Endpoint, opts ...Option) func(http.Handler) http.Handler {
	h, path := Handler(io, opts...), io.Engine().Path()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if host.Owns(path, r.URL.Path) {
				h.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// fail answers a failure of the host. There is no framework here whose style it
// could follow, so it looks like the engine's own errors.
func fail(w http.ResponseWriter, srv *engine.Server, err error) {
	status := http.StatusInternalServerError
	if failed, ok := errors.AsType[*host.Error](err); ok {
		status = failed.Status
	}
	host.Write(w, srv.ReplyError(status, err.Error()))
}
