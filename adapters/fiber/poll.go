package siofiber

import (
	"fmt"
	"io"
	"net"
	"time"

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
	if timeout := c.App().Config().WriteTimeout; timeout > 0 && len(reply.Body) > host.Piece {
		body := &pieces{rest: reply.Body, conn: c.Context().Conn(), timeout: timeout}
		response.SetBodyStream(body, len(reply.Body))
		return
	}
	response.SetBodyRaw(reply.Body)
}

// pieces puts off the connection's write deadline, which fasthttp sets once for a
// response, with each piece of a large body.
type pieces struct {
	rest    []byte
	conn    net.Conn
	timeout time.Duration
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	_ = p.conn.SetWriteDeadline(time.Now().Add(p.timeout))
	n := copy(b, p.rest[:min(len(p.rest), host.Piece)])
	p.rest = p.rest[n:]
	return n, nil
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
