package socketio

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"reflect"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A Config configures a [Server]. The zero Config is of use as it is. Defaults are
// those of Socket.IO's reference server where it has the option.
type Config struct {
	// ConnectTimeout is how long a client may take to join its first namespace.
	// Default 45 s.
	ConnectTimeout time.Duration
	// AckTimeout is how long EmitWithAck waits for the client where neither the
	// context nor Timeout says otherwise. Default 60 s.
	AckTimeout time.Duration
	// Codec writes and reads packets; both sides must use the same. Default
	// [packet.JSON], which is what stock clients use.
	Codec packet.Codec
	// PacketLimits bound what one packet of a client may cost.
	PacketLimits packet.Limits
	// AttachmentTimeout is how long a client may take to send the attachments of
	// a packet. Default 30 s.
	AttachmentTimeout time.Duration

	// ConnectionStateRecovery, if set, lets clients whose connection was cut come
	// back as the same socket, without having missed anything. Default off.
	ConnectionStateRecovery *Recovery

	// Concurrent lets the handlers of one socket's events run at the same time.
	// Default: one after another, in the order in which the events arrived.
	Concurrent bool
	// MaxQueuedEvents and MaxQueuedEventBytes bound the events of one socket that
	// wait for their handlers; beyond them the client's connection is not read.
	// Default 64 and 1 MiB.
	MaxQueuedEvents     int
	MaxQueuedEventBytes int
	// MaxRooms bounds the rooms that one socket is in, that of its id not counted.
	// Default 100,000.
	MaxRooms int
	// MaxPendingAcks bounds the acks that one socket owes. Default 10,000.
	MaxPendingAcks int
	// MaxNamespaces bounds the namespaces that a connection may join, and how
	// often it may be refused, before it is closed. Default 100.
	MaxNamespaces int
	// CleanupEmptyChildNamespaces lets a namespace that a parent accepted, see
	// [Server.OfRegexp], go with its last socket, and with
	// ConnectionStateRecovery when no client can come back to it any more.
	CleanupEmptyChildNamespaces bool
	// MaxChildNamespaces bounds the namespaces that parents accepted, those that
	// Of has returned not counted. Beyond it the one that has been empty for
	// longest goes, else one whose clients are all away and could have recovered,
	// and if there is none either, clients that ask for a new one are told "Too many
	// namespaces". Default 10,000.
	MaxChildNamespaces int
	// MaxQueuedRoomEvents bounds the events of a namespace's rooms that wait for
	// [Namespace.OnJoinRoom] and its like; what comes beyond is dropped and
	// counted. Default 1,000,000.
	MaxQueuedRoomEvents int

	// Backplane links this server with other nodes: see package backplane. Broadcasts
	// then reach the clients of all nodes, and so does all that a [Broadcast] can do;
	// see [Broadcast.Local] for what is to stay here. Default: a single node.
	Backplane backplane.Backplane
	// BackplaneTimeout is how long other nodes may take to answer, where neither the
	// context nor Timeout says otherwise. Default 5 s.
	BackplaneTimeout time.Duration
	// ShareSessions lets any node take any request of a client, whichever of them has
	// its session, so that what is in front of the nodes need not send a client to the
	// same one each time. All nodes must have it set, and be otherwise configured alike.
	// It needs Backplane, and excludes GenerateID. Default: a client that polls must
	// always come to the node where it began.
	ShareSessions bool
	// MaxSharedRequests and MaxSharedBytes bound the requests and WebSockets of this
	// node that one other node has to serve, and the bytes that are on their way to it.
	// A request beyond is answered 503, and a WebSocket that is has to wait. Default
	// 50,000 and 64 MiB.
	MaxSharedRequests int
	MaxSharedBytes    int64
	// MaxQueuedServerSideEvents bounds the events from other nodes that wait for
	// the handlers of a namespace; what comes beyond is dropped and counted.
	// Default 10,000.
	MaxQueuedServerSideEvents int

	// ClientFiles, if set, has the JavaScript client, which the server then offers
	// below Path to pages: <script src="/socket.io/socket.io.js">. Those are the files
	// of the npm package socket.io-client, so it is usually
	// os.DirFS("node_modules/socket.io-client/dist"), or an embed.FS. They are read
	// when the server is made. Default: none are served.
	ClientFiles fs.FS

	// What follows configures the Engine.IO server below: see [engine.Config].

	// Path is where clients find the server. Default "/socket.io".
	Path string
	// PingInterval is the time between a client's pong and the next ping.
	// Default 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping. Default 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long a client's move to WebSocket may take. Default
	// 10 s.
	UpgradeTimeout time.Duration
	// MaxPayload is the most bytes of a message or a POST body. Default 1,000,000.
	MaxPayload int64
	// Transports are those that clients may use. Default polling and websocket.
	Transports []string
	// DisableParking gives every WebSocket a goroutine that reads it. Else, on Linux
	// and without TLS, connections wait in epoll and share a few goroutines, which
	// saves about 3 KB each and a part of the processor time of each message.
	DisableParking bool
	// DisableUpgrades keeps polling clients from moving to WebSocket.
	DisableUpgrades bool
	// AllowEIO3 lets older clients connect: socket.io-client 1 and 2, and browsers
	// that poll by JSONP. Default: they are refused.
	AllowEIO3 bool
	// AllowedOrigins are the pages, such as "https://app.example", whose scripts
	// may connect. Default: only those of the server's own host. "*" stands for
	// all, and lets any website act in a visitor's name.
	AllowedOrigins []string
	// CORS refines the answers to scripts of other, allowed origins.
	CORS engine.CORS
	// TrustedProxies are the addresses of the proxies in front: what they say of their
	// clients in X-Forwarded-For is believed, and [Handshake].Address is the client's.
	// Default: none, and the header is not looked at.
	TrustedProxies []netip.Prefix
	// AllowRequest, if set, decides on each handshake. The message of its error,
	// whatever it is, reaches the client.
	AllowRequest func(ctx context.Context, r *engine.Request) error
	// Cookie, if set, is sent with the handshake of a polling client.
	Cookie *engine.Cookie
	// InitialHeaders, if set, may add header fields to the handshake's response,
	// and Headers to every response but the client's files. A field with a line break
	// or another control character is left out.
	InitialHeaders func(h engine.Header, r *engine.Request)
	Headers        func(h engine.Header, r *engine.Request)
	// GenerateID, if set, makes the ids of connections (not of sockets).
	GenerateID func(r *engine.Request) (string, error)
	// InitialPacket, if set, is the text of an Engine.IO message that is sent to each
	// client right behind the handshake's answer. A Socket.IO client expects a packet
	// of Socket.IO's in it. Default none.
	InitialPacket string
	// HTTPCompression compresses the responses to polls.
	HTTPCompression engine.Compression
	// PerMessageDeflate, if set, offers to compress WebSocket messages.
	PerMessageDeflate *engine.Deflate
	// WriteTimeout is how long a client may accept nothing of what is written to it.
	// Default 10 s.
	WriteTimeout time.Duration
	// BodyTimeout is how long a client may take to send a POST body. Default 20 s.
	BodyTimeout time.Duration
	// CloseTimeout is how long the end of a polling client waits for a poll that
	// tells it. Default 30 s.
	CloseTimeout time.Duration
	// MaxQueuedBytes and MaxQueuedMessages bound what waits for one client, and
	// MaxTotalQueuedBytes what waits for all. Who lets more pile up is
	// disconnected as a slow consumer. Default 4 MiB, 16,384 and 1 GiB; the last can be
	// 64 GiB at most.
	MaxQueuedBytes      int
	MaxQueuedMessages   int
	MaxTotalQueuedBytes int64
	// MaxSessions bounds the connections of clients that there may be at a time, and
	// MaxHandshakesPerSecond how many may be opened, on average and at once. Beyond
	// them a handshake is answered 503 with Retry-After; clients that are connected
	// do not notice. Default 0: no bound.
	MaxSessions            int
	MaxHandshakesPerSecond int
	// Observer, if set, is told what happens, for metrics and the like.
	Observer *Observer
	// Logger is told what an operator should know. Default [slog.Default].
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Path, "/socket.io")
	setDefault(&c.ConnectTimeout, 45*time.Second)
	setDefault(&c.AckTimeout, time.Minute)
	setDefault(&c.BackplaneTimeout, 5*time.Second)
	setDefault(&c.AttachmentTimeout, 30*time.Second)
	setDefault(&c.MaxQueuedEvents, 64)
	setDefault(&c.MaxQueuedEventBytes, 1<<20)
	setDefault(&c.MaxRooms, 100_000)
	setDefault(&c.MaxPendingAcks, 10_000)
	setDefault(&c.MaxNamespaces, 100)
	setDefault(&c.MaxChildNamespaces, 10_000)
	setDefault(&c.MaxQueuedRoomEvents, 1_000_000)
	setDefault(&c.MaxQueuedServerSideEvents, 10_000)
	setDefault(&c.MaxSharedRequests, 50_000)
	setDefault(&c.MaxSharedBytes, 64<<20)
	if c.Codec == nil {
		c.Codec = packet.JSON()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.ConnectionStateRecovery != nil {
		r, err := c.ConnectionStateRecovery.withDefaults()
		if err != nil {
			return c, err
		}
		c.ConnectionStateRecovery = r
	}
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"ConnectTimeout", int64(c.ConnectTimeout)},
		{"AckTimeout", int64(c.AckTimeout)},
		{"BackplaneTimeout", int64(c.BackplaneTimeout)},
		{"AttachmentTimeout", int64(c.AttachmentTimeout)},
		{"MaxQueuedEvents", int64(c.MaxQueuedEvents)},
		{"MaxQueuedEventBytes", int64(c.MaxQueuedEventBytes)},
		{"MaxRooms", int64(c.MaxRooms)},
		{"MaxPendingAcks", int64(c.MaxPendingAcks)},
		{"MaxNamespaces", int64(c.MaxNamespaces)},
		{"MaxChildNamespaces", int64(c.MaxChildNamespaces)},
		{"MaxQueuedRoomEvents", int64(c.MaxQueuedRoomEvents)},
		{"MaxQueuedServerSideEvents", int64(c.MaxQueuedServerSideEvents)},
		{"MaxSharedRequests", int64(c.MaxSharedRequests)},
		{"MaxSharedBytes", c.MaxSharedBytes},
	} {
		if field.value < 0 {
			return c, fmt.Errorf("socketio: Config.%s must not be negative; leave it 0 for the default", field.name)
		}
	}
	return c, c.checkSharing()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// engine returns the Engine.IO server's part: the fields of the same name. Of the
// observer it is the part that both have.
func (c Config) engine() engine.Config {
	var e engine.Config
	from, to := reflect.ValueOf(c), reflect.ValueOf(&e).Elem()
	for i := range to.NumField() {
		if name := to.Type().Field(i).Name; name != "Observer" {
			to.Field(i).Set(from.FieldByName(name))
		}
	}
	if c.Observer != nil {
		e.Observer = &c.Observer.Observer
	}
	return e
}
