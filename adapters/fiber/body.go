package siofiber

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kawat-go/kawat/core/engine"
)

// setBody hands the body over as it came: a compressed one is not for the
// framework to inflate, since the engine knows the limit.
func setBody(req *engine.Request, ctx *fasthttp.RequestCtx) {
	if stream := ctx.RequestBodyStream(); stream != nil {
		length := max(ctx.Request.Header.ContentLength(), -1)
		req.Body = &body{stream: stream, chunked: length < 0, conn: ctx.Conn()}
		req.ContentLength = int64(length)
		req.SetReadDeadline = ctx.Conn().SetReadDeadline
		return
	}
	raw := ctx.Request.Body() // reading it copies it, and happens before the handler returns
	req.Body = bytes.NewReader(raw)
	req.ContentLength = int64(len(raw))
}

// A body is a request's body that is still on its way: an application's with
// StreamRequestBody.
type body struct {
	stream  io.Reader
	chunked bool
	conn    net.Conn
	end     error // once it has been met
}

// Read implements [io.Reader]. fasthttp reports the same io.EOF for a chunked body
// that is complete and for one that the client has broken off.
func (b *body) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	n, err := b.stream.Read(p)
	if err == io.EOF && b.chunked && hungUp(b.conn) {
		err = io.ErrUnexpectedEOF
	}
	b.end = err
	return n, err
}

// hungUp reports whether the client has closed its end of the connection. It may
// read what is not ours, so the connection serves no other request.
func hungUp(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// spoilt reports whether the connection has to be closed after the request, because
// something of its body is, or may be, left there or missing: older fasthttps would
// take that for a request.
func spoilt(ctx *fasthttp.RequestCtx, read io.Reader) bool {
	if b, ok := read.(*body); ok {
		return b.chunked || b.end != io.EOF
	}
	return ctx.RequestBodyStream() != nil && ctx.Request.Header.ContentLength() != 0
}
