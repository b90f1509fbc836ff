package socketio

import (
	"net/url"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A Handshake has the details of the request that opened a socket's connection,
// and what the client sent when it joined the namespace.
type Handshake struct {
	Headers engine.Header
	Query   url.Values // of the request; what an older client says with a namespace is auth
	Address string     // of the peer, "host:port"; behind Config.TrustedProxies, of their client, its port 0 if unknown
	Secure  bool       // came over TLS
	XDomain bool       // came with an Origin header, so from a page
	Issued  time.Time
	URL     string         // path and query
	Values  map[string]any // what the host's middleware left: see [Value]

	auth packet.Args
}

// Handshake returns the details of the socket's handshake, in a new record. The
// values are shared by all who ask: they must not be changed.
func (s *Socket) Handshake() *Handshake {
	if s.auth == nil {
		return s.conn.handshake(packet.Args{})
	}
	return s.conn.handshake(*s.auth)
}

func (c *conn) handshake(auth packet.Args) *Handshake {
	r := c.session.Request()
	query := r.Query()
	target := r.Path
	if r.RawQuery != "" {
		target += "?" + r.RawQuery
	}
	return &Handshake{
		Headers: r.Header, Query: query, Address: r.RemoteAddr, Secure: r.Secure,
		XDomain: len(r.Header["Origin"]) > 0, Issued: time.Unix(0, c.issued), URL: target,
		Values: r.Values, auth: auth,
	}
}

// BindAuth decodes the auth payload, which is an object, into the value that into
// points to. A client that sends none leaves the value as it is.
func (h *Handshake) BindAuth(into any) error {
	if h.auth.Len() == 0 {
		return nil
	}
	if err := h.auth.Bind(0, into); err != nil {
		return &BindError{Event: "connect", Err: err}
	}
	return nil
}

// Value returns what the host's middleware left for the socket under a key, such
// as the user that an adapter's option Values("user") copied; false if there is
// none, or none of type T.
func Value[T any](s *Socket, key string) (T, bool) {
	v, ok := s.conn.session.Values()[key].(T)
	return v, ok
}

// Data returns what SetData has set, of a [Socket] or a [RemoteSocket]; false if it
// is not of type T or, of a socket that is or was on another node, cannot be decoded
// into a T.
func Data[T any](s interface{ Data() any }) (T, bool) {
	if r, ok := s.(*RemoteSocket); ok && r.far.Len() > 0 {
		var v T
		err := r.far.Bind(0, &v)
		return v, err == nil
	}
	if s, ok := s.(*Socket); ok {
		if far, is := s.anyData().(farData); is {
			var v T
			err := far.args.Bind(0, &v)
			return v, err == nil
		}
	}
	v, ok := s.Data().(T)
	return v, ok
}
