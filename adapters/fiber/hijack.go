package siofiber

import (
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
	"github.com/kawat-go/kawat/internal/host"
	"github.com/kawat-go/kawat/internal/websocket"
)

// A switching is an upgrade between the handler's return and fasthttp's call back.
type switching struct {
	upgrade *engine.Upgrade
	ctx     *fasthttp.RequestCtx // ours until hijacked returns
	deflate bool
	answer  []byte
	parked  *epoll.Group
}

// hijacked begins the session. When it returns, fasthttp closes its connection
// and reuses everything that belonged to it.
func (s *switching) hijacked(c net.Conn) {
	defer s.upgrade.Cancel() // unless it starts
	conn := beneath(c)
	if !s.respond(conn) {
		return
	}
	cfg := host.Config(s.upgrade.WebSocket(), s.deflate, s.parked)
	tcp, plain := conn.(*net.TCPConn)
	if !plain {
		s.upgrade.Serve(websocket.New(&held{Conn: conn, reader: c}, nil, cfg))
		return
	}
	buffered := ahead(c, tcp)
	if parked := websocket.Take(tcp, buffered, cfg); parked != nil {
		s.upgrade.Start(parked)
	} else if own := duplicate(tcp); own != nil {
		s.upgrade.Start(websocket.New(own, buffered, cfg))
	} else {
		s.upgrade.Serve(websocket.New(tcp, buffered, cfg))
	}
}

// respond answers the opening handshake, unless a middleware has replaced the
// answer by its own; then it reports false.
func (s *switching) respond(conn net.Conn) bool {
	if conn.SetWriteDeadline(time.Now().Add(s.upgrade.WebSocket().WriteTimeout)) != nil {
		return false
	}
	if s.ctx.Response.StatusCode() != fasthttp.StatusSwitchingProtocols {
		s.ctx.Response.SetConnectionClose()
		_, _ = s.ctx.Response.WriteTo(conn)
		return false
	}
	_, err := conn.Write(s.answer)
	return err == nil
}

// beneath returns the connection that fasthttp has wrapped.
func beneath(c net.Conn) net.Conn {
	if hijacked, ok := c.(interface{ UnsafeConn() net.Conn }); ok {
		return hijacked.UnsafeConn()
	}
	return c
}

// duplicate returns a connection of our own to the same peer, so that fasthttp can
// have its back with the 9 KB and the goroutine that hang on it: nil stands for
// "keep that one".
func duplicate(tcp *net.TCPConn) net.Conn {
	file, err := tcp.File()
	if err != nil {
		return nil
	}
	defer file.Close() // FileConn makes its own
	own, err := net.FileConn(file)
	if err != nil {
		return nil
	}
	return own
}

// ahead returns what fasthttp's reader has read of the session. With a deadline
// that is over, it hands out what it has, and then fails instead of waiting.
func ahead(reader io.Reader, conn net.Conn) []byte {
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	b, _ := io.ReadAll(reader)
	return b
}

// held is a connection that stays fasthttp's, and is read through its reader.
type held struct {
	net.Conn
	reader io.Reader
}

func (h *held) Read(p []byte) (int, error) { return h.reader.Read(p) }

// NetConn returns the connection beneath TLS, to be closed without ceremony.
func (h *held) NetConn() net.Conn {
	if tls, ok := h.Conn.(interface{ NetConn() net.Conn }); ok {
		return tls.NetConn()
	}
	return h.Conn
}
