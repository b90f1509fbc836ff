package engine

import (
	"context"
	"io"
	"net/textproto"
	"net/url"
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
	RemoteAddr string // of the peer, "host:port"; behind Config.TrustedProxies, of their client, its port 0 if unknown
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

// Query returns the parameters of the URL, in a new map. What is not well-formed is
// taken as it stands, as the reference does: clients whose URLs are written by hand
// send it.
func (r *Request) Query() url.Values {
	if values, err := url.ParseQuery(r.RawQuery); err == nil {
		return values
	}
	values := url.Values{}
	for pair := range strings.SplitSeq(r.RawQuery, "&") {
		if pair != "" {
			key, value, _ := strings.Cut(pair, "=")
			values.Add(unescape(key), unescape(value))
		}
	}
	return values
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// subprotocol returns the first of the subprotocols that a WebSocket client offers,
// or "". Somebody must choose one, or browsers drop the connection; the reference
// chooses like this.
func (r *Request) subprotocol() string {
	for _, list := range r.Header["Sec-Websocket-Protocol"] {
		first, _, _ := strings.Cut(list, ",")
		first = strings.TrimSpace(first)
		if first != "" && !strings.ContainsFunc(first, notInToken) {
			return first
		}
	}
	return ""
}

// notInToken reports whether a character cannot stand in a token (RFC 9110, section
// 5.6.2).
func notInToken(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
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

// A Reply is a whole HTTP response, for the adapter to write. What [Server.ServePoll]
// returns may share its header and its body with other replies: they must not be
// changed.
type Reply struct {
	Status int
	Header Header
	Body   []byte

	kind replyKind // of one that has no header of its own yet
}

// An Endpoint is what adapters mount: a [Server], or a server of a protocol on
// top that has one.
type Endpoint interface {
	Engine() *Server
}
