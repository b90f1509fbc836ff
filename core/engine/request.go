package engine

import (
	"context"
	"io"
	"net/textproto"
	"strings"
	"time"
)

// A Header holds HTTP header fields under their canonical names.
type Header map[string][]string

// Get returns the first value of the field, or "".
func (h Header) Get(key string) string {
	if v := h[textproto.CanonicalMIMEHeaderKey(key)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Set replaces the field's values.
func (h Header) Set(key, value string) {
	h[textproto.CanonicalMIMEHeaderKey(key)] = []string{value}
}

// Add adds a value to those that the field has.
func (h Header) Add(key, value string) {
	key = textproto.CanonicalMIMEHeaderKey(key)
	h[key] = append(h[key], value)
}

// hasToken reports whether one of the comma-separated lists under key has the
// token, whatever its case.
func (h Header) hasToken(key, token string) bool {
	for _, list := range h[key] {
		for t := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// A Request is an HTTP request as its host's adapter hands it over. The engine
// owns every field: an adapter copies what its framework recycles. The request of
// the handshake lives as long as its session.
type Request struct {
	Method     string
	Path       string // without the query
	RawQuery   string
	Host       string
	RemoteAddr string // of the peer, "host:port"; forwarding headers are not looked at
	Secure     bool   // came over TLS
	Header     Header

	// Body is nil where there is none. The engine reads it under its own limit.
	Body          io.Reader
	ContentLength int64 // -1 where unknown
	// SetReadDeadline bounds the reading of Body; nil where the host cannot.
	SetReadDeadline func(time.Time) error

	// Context is what the session's contexts descend from. It has the request's
	// values but not its end, since a session outlives its requests. Nil stands
	// for context.Background.
	Context context.Context
	// Values are what the host's middleware left for the session, such as the
	// user, under the host's keys.
	Values map[string]any
}

func (r *Request) context() context.Context {
	if r.Context == nil {
		return context.Background()
	}
	return r.Context
}

// IsUpgrade reports whether the client asks for a WebSocket.
func (r *Request) IsUpgrade() bool {
	return r.Header.hasToken("Connection", "upgrade") && r.Header.hasToken("Upgrade", "websocket")
}

// A Reply is a whole HTTP response, for the adapter to write.
type Reply struct {
	Status int
	Header Header
	Body   []byte
}

// An Endpoint is what adapters mount: a [Server], or a server of a protocol on
// top that has one.
type Endpoint interface {
	Engine() *Server
}
