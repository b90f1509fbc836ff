package siofiber

import (
	"context"
	"net"
	"net/netip"
	"net/textproto"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/host"
)

// translate copies the request: fasthttp reuses all of its memory for the next. It
// reports false if the function of the user's that has a say in it has failed.
func (h *handler) translate(c *fiber.Ctx) (req *engine.Request, ok bool) {
	ctx := c.Context()
	var to copier
	to.Grow(len(ctx.Request.Header.RawHeaders()) + len(ctx.Request.RequestURI()) + 32)
	all := &struct { // in one piece, too
		engine.Request
		values [8]string
	}{}
	req, ok = &all.Request, true
	*req = engine.Request{
		Method:     to.copy(ctx.Method()),
		Path:       to.copy(ctx.Path()),
		RawQuery:   to.copy(ctx.URI().QueryString()),
		Host:       to.copy(ctx.Host()),
		RemoteAddr: to.address(ctx.RemoteAddr()),
		Secure:     ctx.IsTLS(),
		Header:     to.headers(&ctx.Request.Header, all.values[:]),
	}
	if ctx.IsPost() {
		setBody(req, ctx)
	}
	if host.Handshake(req.RawQuery) {
		req.Context, ok = h.base(h.srv, c)
		req.Values = h.values(c)
	}
	return req, ok
}

// A copier copies texts, into one piece of memory as long as that suffices.
type copier struct{ strings.Builder }

func (c *copier) copy(text []byte) string {
	start := c.Len()
	_, _ = c.Write(text) // never fails
	return c.String()[start:]
}

// address is a.String, without its garbage.
func (c *copier) address(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.AddrPort().IsValid() {
		return a.String()
	}
	var room [64]byte
	addr := tcp.AddrPort()
	return c.copy(netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()).AppendTo(room[:0]))
}

// headers copies the header fields, without those that net/http keeps elsewhere. In
// room is space for the values of as many.
func (c *copier) headers(from *fasthttp.RequestHeader, room []string) engine.Header {
	h, values := make(engine.Header, 8), room
	from.VisitAll(func(key, value []byte) {
		name := textproto.CanonicalMIMEHeaderKey(c.copy(key))
		switch {
		case name == "Host":
		case name == "Upgrade" && !from.IsHTTP11(): // HTTP/1.0 has none (RFC 9110, section 7.8)
		case h[name] != nil:
			h[name] = append(h[name], c.copy(value))
		default:
			if len(values) == 0 {
				values = make([]string, len(room))
			}
			values[0] = c.copy(value)
			h[name], values = values[:1:1], values[1:]
		}
	})
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
