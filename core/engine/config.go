package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The names of the transports.
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// A Config configures a [Server]. The zero Config is of use as it is; defaults
// are those of Engine.IO's reference server where it has the option.
type Config struct {
	// Path is where clients find the server, without a slash at its end.
	// Default "/engine.io".
	Path string
	// PingInterval is the time between a client's pong and the next ping.
	// Default 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping before its
	// session ends with [ReasonPingTimeout]. Default 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a polling client's WebSocket may take to prove
	// itself before it is closed; the session goes on polling. Default 10 s.
	UpgradeTimeout time.Duration
	// MaxPayload is the most bytes that one message, or one POST body, may have,
	// also after decompression. Clients are told. Default 1,000,000. The
	// reference calls it maxHttpBufferSize.
	MaxPayload int64
	// Transports are those that clients may use. Default polling and websocket.
	Transports []string
	// DisableParking gives every WebSocket a goroutine that reads it. Else, on Linux
	// and without TLS, connections wait in epoll and share a few goroutines, which
	// saves about 3 KB each and a part of the processor time of each message.
	DisableParking bool

	// DisableUpgrades keeps polling clients from moving to WebSocket.
	DisableUpgrades bool

	// AllowEIO3 lets clients connect that speak revision 3 of the protocol, as
	// socket.io-client 1 and 2 do, and clients that poll by JSONP. Default: they
	// are refused.
	AllowEIO3 bool

	// AllowedOrigins are the pages, such as "https://app.example", whose scripts
	// may connect, over either transport. Default: only pages of the server's own
	// host. "*" stands for all, and then any website can use a visitor's cookies
	// to connect in their name. Requests without an Origin header do not come
	// from a page and are let pass.
	AllowedOrigins []string
	// CORS refines the answers to scripts of other, allowed origins.
	CORS CORS
	// TrustedProxies are the addresses of the proxies in front, such as
	// netip.MustParsePrefix("10.0.0.0/8"). What they say of their clients in
	// X-Forwarded-For is believed: [Request].RemoteAddr is the last address there that
	// is none of theirs. List no address that a client can have: it could claim to be
	// anybody. Default: none, and the header is not looked at.
	TrustedProxies []netip.Prefix
	// AllowRequest, if set, decides on each handshake, before a session exists.
	// The message of its error, whatever it is, reaches the client.
	AllowRequest func(ctx context.Context, r *Request) error
	// Cookie, if set, is sent with the handshake of a polling session; it holds
	// the session's id, for load balancers.
	Cookie *Cookie
	// InitialHeaders, if set, may add header fields to the handshake's response,
	// and Headers to every response, over both transports. A field with a line break
	// or another control character is left out.
	InitialHeaders func(h Header, r *Request)
	Headers        func(h Header, r *Request)
	// GenerateID, if set, makes the sessions' ids: unguessable, unique, at most
	// 64 characters of A-Z, a-z, 0-9, - and _. Other servers' tools expect 20
	// characters, which is what the default makes.
	GenerateID func(r *Request) (string, error)
	// InitialPacket, if set, is the text of a message that is sent to each client
	// right behind the handshake's answer. Default none.
	InitialPacket string

	// HTTPCompression compresses the responses to polls.
	HTTPCompression Compression
	// PerMessageDeflate, if set, offers clients to compress WebSocket messages.
	// It costs much memory and time for each connection; default off.
	PerMessageDeflate *Deflate

	// WriteTimeout is how long a client may accept nothing of what is written to it.
	// A slow one that gets on is not cut. Where the system does not tell, over TLS and
	// for polls, it is the time for each 64 KiB. Default 10 s.
	WriteTimeout time.Duration
	// BodyTimeout is how long a client may take to send a POST body. Default 20 s.
	BodyTimeout time.Duration
	// CloseTimeout is how long a polling session that the server closes waits for
	// a poll to tell the client. Default 30 s.
	CloseTimeout time.Duration
	// MaxQueuedBytes and MaxQueuedMessages bound what waits for one client. A
	// client that lets more pile up ends with [ReasonSlowConsumer]. Default 4 MiB
	// and 16,384.
	MaxQueuedBytes    int
	MaxQueuedMessages int
	// MaxTotalQueuedBytes bounds what waits for all clients together. Beyond it, a
	// client that is sent something while something waits for it ends with
	// [ReasonSlowConsumer]; beyond twice as much, any that is sent something. Default
	// 1 GiB, at most 64 GiB.
	MaxTotalQueuedBytes int64
	// MaxSessions is the most sessions that there may be at a time, those counted
	// whose WebSocket is still being opened, and MaxHandshakesPerSecond the most
	// handshakes, on average and at once. Beyond them a handshake is answered 503
	// with Retry-After, before AllowRequest is asked; sessions that exist do not
	// notice. Default 0: no bound.
	MaxSessions            int
	MaxHandshakesPerSecond int

	// Observer, if set, is told what happens, for metrics and the like.
	Observer *Observer
	// Logger is told what an operator should know. Default [slog.Default].
	Logger *slog.Logger
}

// CORS says what scripts of allowed origins may do beyond the simplest requests.
type CORS struct {
	// Credentials lets the browser send cookies.
	Credentials bool
	// AllowedHeaders are request header fields that scripts may set. Default:
	// those that the browser asks for.
	AllowedHeaders []string
	// ExposedHeaders are response header fields that scripts may read.
	ExposedHeaders []string
	// MaxAge is how long a browser may remember the answer to a preflight.
	// Default: as long as the browser likes.
	MaxAge time.Duration
}

// A Cookie is sent with a polling handshake. It is HttpOnly, and Secure when the
// request came over TLS.
type Cookie struct {
	Name     string        // default "io"
	Path     string        // default "/"
	Domain   string        // default none
	SameSite string        // "Lax" (the default), "Strict" or "None"
	MaxAge   time.Duration // default: until the browser is closed
	Secure   bool          // over TLS only, also where a proxy ended the TLS; default: if the request came over TLS
}

// Compression compresses HTTP responses by gzip or deflate, as the client accepts.
type Compression struct {
	Disabled  bool
	Threshold int // the fewest bytes worth it; default 1024
}

// Deflate is the WebSocket extension permessage-deflate, without context
// takeover.
type Deflate struct {
	Threshold int // the fewest bytes worth it; default 1024
}

// withDefaults returns a copy in which nothing is left open, or an error that
// names the field that makes no sense.
func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Path, "/engine.io")
	setDefault(&c.PingInterval, 25*time.Second)
	setDefault(&c.PingTimeout, 20*time.Second)
	setDefault(&c.UpgradeTimeout, 10*time.Second)
	setDefault(&c.MaxPayload, 1_000_000)
	setDefault(&c.WriteTimeout, 10*time.Second)
	setDefault(&c.BodyTimeout, 20*time.Second)
	setDefault(&c.CloseTimeout, 30*time.Second)
	setDefault(&c.MaxQueuedBytes, 4<<20)
	setDefault(&c.MaxQueuedMessages, 16384)
	setDefault(&c.MaxTotalQueuedBytes, 1<<30)
	c.MaxTotalQueuedBytes = min(c.MaxTotalQueuedBytes, maxBacklogBytes)
	setDefault(&c.HTTPCompression.Threshold, 1024)
	if c.Transports == nil {
		c.Transports = []string{Polling, WebSocket}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Cookie != nil {
		cookie := *c.Cookie
		setDefault(&cookie.Name, "io")
		setDefault(&cookie.Path, "/")
		setDefault(&cookie.SameSite, "Lax")
		c.Cookie = &cookie
	}
	if c.PerMessageDeflate != nil {
		deflate := *c.PerMessageDeflate
		setDefault(&deflate.Threshold, 1024)
		c.PerMessageDeflate = &deflate
	}
	c.Path = strings.TrimRight(c.Path, "/")
	return c, c.check()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *Config) check() error {
	if !strings.HasPrefix(c.Path, "/") {
		return fmt.Errorf("engine: Config.Path %q must begin with a slash and be more than that", c.Path)
	}
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"PingInterval", int64(c.PingInterval)},
		{"PingTimeout", int64(c.PingTimeout)},
		{"UpgradeTimeout", int64(c.UpgradeTimeout)},
		{"MaxPayload", c.MaxPayload},
		{"WriteTimeout", int64(c.WriteTimeout)},
		{"BodyTimeout", int64(c.BodyTimeout)},
		{"CloseTimeout", int64(c.CloseTimeout)},
		{"MaxQueuedBytes", int64(c.MaxQueuedBytes)},
		{"MaxQueuedMessages", int64(c.MaxQueuedMessages)},
		{"MaxTotalQueuedBytes", c.MaxTotalQueuedBytes},
		{"MaxSessions", int64(c.MaxSessions)},
		{"MaxHandshakesPerSecond", int64(c.MaxHandshakesPerSecond)},
		{"HTTPCompression.Threshold", int64(c.HTTPCompression.Threshold)},
		{"CORS.MaxAge", int64(c.CORS.MaxAge)},
	} {
		if field.value < 0 {
			return fmt.Errorf("engine: Config.%s must not be negative; leave it 0 for the default", field.name)
		}
	}
	if c.MaxHandshakesPerSecond > maxRate {
		return fmt.Errorf("engine: Config.MaxHandshakesPerSecond is %d; it can be %d at most, and 0 stands for no bound",
			c.MaxHandshakesPerSecond, maxRate)
	}
	if c.PerMessageDeflate != nil && c.PerMessageDeflate.Threshold < 0 {
		return fmt.Errorf("engine: Config.PerMessageDeflate.Threshold must not be negative; leave it 0 for the default")
	}
	if c.PingInterval < time.Millisecond || c.PingTimeout < time.Millisecond {
		return fmt.Errorf("engine: Config.PingInterval and PingTimeout are told to clients in milliseconds: %v, %v is too short",
			c.PingInterval, c.PingTimeout)
	}
	if !utf8.ValidString(c.InitialPacket) || strings.Contains(c.InitialPacket, "\x1e") {
		return fmt.Errorf("engine: Config.InitialPacket must be UTF-8 without the character U+001E, which separates packets")
	}
	if len(c.Transports) == 0 {
		return fmt.Errorf("engine: Config.Transports is empty; leave it nil for the default")
	}
	for _, t := range c.Transports {
		if t != Polling && t != WebSocket {
			return fmt.Errorf("engine: Config.Transports has %q; known are %q and %q", t, Polling, WebSocket)
		}
	}
	return c.checkWeb()
}

func (c *Config) checkWeb() error {
	for _, origin := range c.AllowedOrigins {
		if origin != "*" && origin != "null" && !isOrigin(origin) {
			return fmt.Errorf(`engine: Config.AllowedOrigins has %q; an origin looks like "https://app.example" or "http://127.0.0.1:8080", without a path`, origin)
		}
	}
	for i, proxy := range c.TrustedProxies {
		if !proxy.IsValid() || proxy.Addr().Is4In6() {
			return fmt.Errorf("engine: Config.TrustedProxies[%d], %v, is no range of IPv4 or IPv6 addresses", i, proxy)
		}
	}
	if c.CORS.Credentials && slices.Contains(c.AllowedOrigins, "*") {
		return fmt.Errorf(`engine: Config.CORS.Credentials with AllowedOrigins "*" would let every website act for your users; name the origins`)
	}
	for _, name := range slices.Concat(c.CORS.AllowedHeaders, c.CORS.ExposedHeaders) {
		if name == "" || strings.ContainsAny(name, " ,:\r\n\t") {
			return fmt.Errorf("engine: Config.CORS has %q, which is no name of a header field", name)
		}
	}
	return c.Cookie.check()
}

// maxRate is the most that can be bounded by a whole number of nanoseconds each, and
// to within a thousandth.
const maxRate = 1_000_000

// isOrigin reports whether a browser could send this as an origin. One with a
// pattern, a path or a query would never match any.
func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Scheme != "" && u.Host != "" && !strings.Contains(u.Host, "*") &&
		strings.EqualFold(origin, u.Scheme+"://"+u.Host)
}

func (c *Cookie) check() error {
	if c == nil {
		return nil
	}
	for _, part := range []string{c.Name, c.Path, c.Domain} {
		if strings.ContainsAny(part, " ;,\r\n\t\"") {
			return fmt.Errorf("engine: Config.Cookie has %q, which cannot stand in a cookie", part)
		}
	}
	if !slices.Contains([]string{"Lax", "Strict", "None"}, textproto.CanonicalMIMEHeaderKey(c.SameSite)) {
		return fmt.Errorf("engine: Config.Cookie.SameSite is %q; known are Lax, Strict and None", c.SameSite)
	}
	return nil
}
