package siofiber

import (
	"context"
	"net/textproto"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// translate copies the request: fasthttp reuses all of its memory for the next.
func (h *handler) translate(c *fiber.Ctx) *engine.Request {
	ctx := c.Context()
	req := &engine.Request{
		Method:     string(ctx.Method()),
		Path:       string(ctx.Path()),
		RawQuery:   string(ctx.URI().QueryString()),
		Host:       string(ctx.Host()),
		RemoteAddr: ctx.RemoteAddr().String(),
		Secure:     ctx.IsTLS(),
		Header:     headers(&ctx.Request.Header),
	}
	if ctx.IsPost() {
		setBody(req, ctx)
	}
	if host.Handshake(req.RawQuery) {
		req.Context = h.base(c)
		req.Values = h.values(c)
	}
	return req
}

// headers copies the header fields, without those that net/http keeps elsewhere.
func headers(from *fasthttp.RequestHeader) engine.Header {
	h := make(engine.Header, from.Len())
	from.VisitAll(func(key, value []byte) {
		name := textproto.CanonicalMIMEHeaderKey(string(key))
		h[name] = append(h[name], string(value))
	})
	delete(h, "Host")
	if !from.IsHTTP11() {
		delete(h, "Upgrade") // HTTP/1.0 has none (RFC 9110, section 7.8)
	}
	return h
}

// client is the context of a request. fasthttp does not notice when a client goes
// away, only the end of the server. (Its RequestCtx is a context as well, but
// serves another request next.)
type client struct {
	context.Context // for its values
	done            <-chan struct{}
}

func newClient(ctx *fasthttp.RequestCtx, req *engine.Request) client {
	values := req.Context
	if values == nil {
		values = context.Background()
	}
	return client{values, ctx.Done()}
}

func (c client) Done() <-chan struct{} { return c.done }

func (c client) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}
