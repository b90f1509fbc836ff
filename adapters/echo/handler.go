package sioecho

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// A Router is what Mount registers routes with: *echo.Echo or *echo.Group.
type Router interface {
	Any(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) []*echo.Route
}

// Mount serves io at its path under r, with and without a slash at the end, and
// below, for all methods.
func Mount(r Router, io engine.Endpoint, opts ...Option) {
	h := Handler(io, opts...)
	path := io.Engine().Path()
	r.Any(path, h)
	r.Any(path+"/*", h)
}

// Handler returns a handler that takes every request that reaches it for io's,
// whatever its path.
func Handler(io engine.Endpoint, opts ...Option) echo.HandlerFunc {
	h, o := host.New(io), collect(opts)
	return func(c echo.Context) error {
		if err := h.Serve(c.Response(), c.Request(), o.extras(h.Server(), c)); err != nil {
			return fail(c, err)
		}
		return nil // whatever happened, it has been answered
	}
}

// Middleware returns a middleware that serves the requests for io's path, and
// passes all others on.
func Middleware(io engine.Endpoint, opts ...Option) echo.MiddlewareFunc {
	h, path := Handler(io, opts...), io.Engine().Path()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if host.Owns(path, c.Request().URL.Path) {
				return h(c)
			}
			return next(c)
		}
	}
}

// fail hands a failure of the host to Echo's error handler.
func fail(c echo.Context, err error) error {
	status := http.StatusInternalServerError
	if failed, ok := errors.AsType[*host.Error](err); ok {
		status = failed.Status
	}
	c.Response().Committed = false // the connection could not be hijacked
	return echo.NewHTTPError(status, err.Error()).SetInternal(err)
}
