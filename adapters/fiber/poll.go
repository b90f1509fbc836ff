package siofiber

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

func (h *handler) poll(c *fiber.Ctx, req *engine.Request) {
	ctx := c.Context()
	read := req.Body // the engine forgets it
	reply := h.srv.ServePoll(newClient(ctx, req), req)
	write(c, reply)
	if spoilt(ctx, read) {
		ctx.SetConnectionClose()
	}
}

// write sends the reply. It adds to no header field but Vary: a browser rejects
// CORS fields that are there twice.
func write(c *fiber.Ctx, reply engine.Reply) {
	response := &c.Context().Response
	answered := len(response.Header.Peek(fiber.HeaderAccessControlAllowOrigin)) > 0
	for key, values := range reply.Header {
		switch {
		case answered && host.IsCORS(key):
		case key == fiber.HeaderVary:
			c.Vary(values...)
		case len(values) == 1 && key != fiber.HeaderSetCookie: // of which Set would keep others
			response.Header.Set(key, values[0])
		default:
			response.Header.Del(key)
			for _, value := range values {
				response.Header.Add(key, value)
			}
		}
	}
	response.SetStatusCode(reply.Status)
	response.SetBodyRaw(reply.Body)
}

// checkBodyLimit warns of an application that refuses, in its own way, bodies
// that the engine would accept.
func checkBodyLimit(r fiber.Router, srv *engine.Server) {
	app, ok := r.(*fiber.App)
	if !ok || app.Config().StreamRequestBody {
		return
	}
	if limit := int64(app.Config().BodyLimit); limit < srv.MaxPayload() {
		srv.Logger().Warn(fmt.Sprintf("kawat: fiber.Config.BodyLimit, %d bytes, is below MaxPayload, %d bytes: "+
			"polling clients that send more are refused by Fiber", limit, srv.MaxPayload()))
	}
}
