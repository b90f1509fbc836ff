package siofiber

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
	"github.com/kawat-go/kawat/internal/host"
)

// Mount serves io at its path under r, with and without a slash at the end, and
// below, for all methods.
//
// It warns if r is an application whose BodyLimit is below io's MaxPayload.
func Mount(r fiber.Router, io engine.Endpoint, opts ...Option) {
	h, path := Handler(io, opts...), io.Engine().Path()
	checkBodyLimit(r, io.Engine())
	// Use, because a route of "/socket.io/*" does not match "/socket.io/". But
	// Use matches "/socket.iox", too.
	r.Use(path, func(c *fiber.Ctx) error {
		if within(c, path) {
			return h(c)
		}
		return c.Next()
	})
}

// within reports whether the request's path is below a route that ends in path.
func within(c *fiber.Ctx, path string) bool {
	p := c.Path()
	if !c.App().Config().CaseSensitive {
		p, path = strings.ToLower(p), strings.ToLower(path)
	}
	return strings.HasSuffix(p, path) || strings.Contains(p, path+"/")
}

// Handler returns a handler that takes every request that reaches it for io's,
// whatever its path. It is the last of its chain.
func Handler(io engine.Endpoint, opts ...Option) fiber.Handler {
	h := &handler{srv: io.Engine(), parked: epoll.New(), options: collect(opts)}
	return h.serve
}

// Middleware returns a middleware that serves the requests for io's path, and
// passes all others on.
func Middleware(io engine.Endpoint, opts ...Option) fiber.Handler {
	h, path := Handler(io, opts...), io.Engine().Path()
	return func(c *fiber.Ctx) error {
		if host.Owns(path, c.Path()) {
			return h(c)
		}
		return c.Next()
	}
}

type handler struct {
	srv    *engine.Server
	parked *epoll.Group
	options
	complaint host.Complaint
}

func (h *handler) serve(c *fiber.Ctx) error {
	served := false
	defer func() {
		if !served { // the goroutine ends, and fasthttp would never close the connection
			_ = c.Context().Conn().Close()
		}
	}()
	err := h.answer(c)
	served = true
	return err
}

func (h *handler) answer(c *fiber.Ctx) error {
	req, ok := h.translate(c)
	switch {
	case !ok:
		write(c, h.srv.ReplyError(fiber.StatusInternalServerError, "internal error"))
		return nil
	case req.IsUpgrade():
		return h.upgrade(c, req)
	}
	h.poll(c, req)
	return nil
}
