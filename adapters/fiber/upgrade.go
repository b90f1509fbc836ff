package siofiber

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	opening "github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// upgrade prepares the change of protocols; the session begins when the handlers
// have returned and fasthttp hands over the connection. It returns a *fiber.Error
// where there is no connection to hand over.
func (h *handler) upgrade(c *fiber.Ctx, req *engine.Request) error {
	ctx := c.Context()
	u, reply := h.srv.AcceptUpgrade(newClient(ctx, req), req)
	if u == nil {
		write(c, reply)
		return nil
	}
	switched := false
	defer func() {
		if !switched {
			u.Cancel()
		}
	}()
	if err := connectionless(ctx); err != nil {
		h.complaint.Log(h.srv, "adaptor", err.Error())
		return err
	}
	deflate := u.WebSocket().Deflate && host.OffersDeflate(req.Header["Sec-Websocket-Extensions"])
	if status, err := handshake(ctx, req.Header, deflate); err != nil {
		write(c, h.srv.ReplyError(status, err.Error()))
		return nil
	}
	s := &switching{upgrade: u, ctx: ctx, deflate: deflate, answer: answer(&ctx.Response.Header, u.Header()), parked: h.parked}
	// It would write the answer, too, but on a server that serves one request a
	// connection it would then hang up.
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(s.hijacked)
	switched = true
	return nil
}

// connectionless returns an error for a request that came from net/http through
// fasthttp's or Fiber's adaptor, which leaves the connection behind.
func connectionless(ctx *fasthttp.RequestCtx) error {
	kind := fmt.Sprintf("%T", ctx.Conn())
	if kind != "*fasthttp.fakeAddrer" {
		return nil
	}
	return fiber.NewError(fiber.StatusNotImplemented, "WebSocket needs the connection, but the request came from net/http "+
		"through an adaptor ("+kind+"): let Fiber listen itself, or mount Socket.IO there, by package nethttp")
}

// handshake checks the opening handshake and composes its answer in the response,
// or returns the status that a refused client gets.
func handshake(ctx *fasthttp.RequestCtx, header engine.Header, deflate bool) (status int, err error) {
	// The upgrader looks at the first field of a name only, and for these spellings.
	for _, key := range []string{"Connection", "Upgrade", "Sec-Websocket-Version", "Sec-Websocket-Key", "Sec-WebSocket-Extensions"} {
		ctx.Request.Header.Set(key, strings.Join(header[textproto.CanonicalMIMEHeaderKey(key)], ", "))
	}
	upgrader := opening.FastHTTPUpgrader{
		EnableCompression: deflate,
		CheckOrigin:       func(*fasthttp.RequestCtx) bool { return true }, // the engine has
		Error:             func(_ *fasthttp.RequestCtx, code int, reason error) { status, err = code, reason },
	}
	_ = upgrader.Upgrade(ctx, nil)
	return status, err
}

// answer returns the response to the opening handshake: what the upgrader has put
// in the response, without what middlewares have, and the engine's header fields.
func answer(response *fasthttp.ResponseHeader, extra engine.Header) []byte {
	var b strings.Builder
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	for _, key := range []string{"Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Extensions"} {
		if value := response.Peek(key); len(value) > 0 {
			b.WriteString(key + ": " + string(value) + "\r\n")
		}
	}
	_ = http.Header(extra).Write(&b) // which knows what must not be in a header
	b.WriteString("\r\n")
	return []byte(b.String())
}
