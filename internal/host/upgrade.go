package host

import (
	"fmt"
	"net/http"

	opening "github.com/fasthttp/websocket"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
	"github.com/kawat-go/kawat/internal/websocket"
)

// A refusal is an upgrade request that is no WebSocket handshake.
type refusal struct {
	status int
	reason error
}

func (r *refusal) Error() string { return r.reason.Error() }

// handshake takes the connection over and answers the opening handshake.
func (h *Host) handshake(w http.ResponseWriter, r *http.Request, u *engine.Upgrade, hijacking func()) (*websocket.Conn, error) {
	if culprit := withoutHijack(w); culprit != "" {
		return nil, noHijack(culprit, "")
	}
	options := u.WebSocket()
	deflate := options.Deflate && OffersDeflate(r.Header["Sec-Websocket-Extensions"])
	hw := &hijackWriter{ResponseWriter: w, hijacking: hijacking}
	refused := &refusal{}
	upgrader := opening.Upgrader{
		HandshakeTimeout:  options.WriteTimeout,
		EnableCompression: deflate,
		CheckOrigin:       func(*http.Request) bool { return true }, // the engine has
		Error: func(_ http.ResponseWriter, _ *http.Request, status int, reason error) {
			refused.status, refused.reason = status, reason
		},
	}
	upgraded, err := upgrader.Upgrade(hw, r, http.Header(u.Header()))
	switch {
	case hw.err != nil:
		return nil, noHijack(fmt.Sprintf("%T", w), hw.err.Error())
	case refused.reason != nil:
		return nil, refused
	case err != nil:
		return nil, err
	}
	// Its buffers were the handshake's; the session gets along without.
	return websocket.New(upgraded.NetConn(), hw.ahead, Config(options, deflate, h.parked)), nil
}

// Config is the WebSocket's configuration for an upgrade. The group is for
// connections that are parked while they are silent.
func Config(options engine.WebSocketOptions, deflate bool, group *epoll.Group) websocket.Config {
	if !options.Parking {
		group = nil
	}
	return websocket.Config{
		Group:            group,
		MaxPayload:       options.MaxPayload,
		WriteTimeout:     options.WriteTimeout,
		Deflate:          deflate,
		DeflateThreshold: options.DeflateThreshold,
	}
}
