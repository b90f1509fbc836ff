package siotest

import (
	"context"
	"net/url"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// TB is the part of [testing.TB] that clients use. Where there is no test, as in
// an example, it may be nil: then what would fail the test panics, and nobody but
// the caller closes the client.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Options say how a client connects. The zero Options are those of a stock client
// that goes straight to WebSocket.
type Options struct {
	// Namespace is the one to join. Default "/".
	Namespace string
	// Auth is the auth payload, which must encode as an object; nil sends none.
	Auth any
	// Transport is [engine.WebSocket], the default, or [engine.Polling].
	Transport string
	// Query and Headers go into the handshake's request.
	Query   url.Values
	Headers engine.Header
	// Values and Context are what the host's middleware would leave for the
	// socket: see [engine.Request].
	Values  map[string]any
	Context context.Context
	// Timeout is how long what is expected may take. Default 30 s: a machine
	// that is busy with other things may take its time.
	Timeout time.Duration
	// Silent leaves pings unanswered.
	Silent bool
	// Codec is the one of the server's configuration. Default [packet.JSON].
	Codec packet.Codec
}

// A Client is a client's socket in one namespace. Those of several namespaces can
// share a connection: see [Client.Of]. All methods may be called from any
// goroutine, but those that fail the test only from the test's own.
type Client struct {
	*link
	namespace string

	// What follows is guarded by the link's mu.
	auth      any
	joins     bool // it has joined, or has asked to, and not left
	events    []Event
	handlers  map[string]func(Event)
	nextID    int64
	acks      map[int64]packet.Args // that have come
	id        string
	refusal   *Refusal
	reason    string // why the socket is not connected, once it was
	pid       string // by which the server knows the session again, if it can recover one
	offset    any    // of the last event; nil while there is none
	recovered bool
}

// Dial connects a client and has it join its namespace. It fails the test if the
// server refuses.
func Dial(tb TB, server engine.Endpoint, opts Options) *Client {
	c := Open(tb, server, opts)
	c.helper()
	if err := c.Connect(); err != nil {
		c.fatalf("siotest: %v", err)
	}
	return c
}

// Open opens a client's connection without joining a namespace. It fails the test
// if the server refuses.
func Open(tb TB, server engine.Endpoint, opts Options) *Client {
	if opts.Namespace == "" {
		opts.Namespace = "/"
	}
	if opts.Timeout == 0 {
		opts.Timeout = 30 * time.Second
	}
	if opts.Codec == nil {
		opts.Codec = packet.JSON()
	}
	l := &link{tb: tb, server: server.Engine(), opts: opts, changed: make(chan struct{})}
	l.helper()
	if err := l.open(); err != nil {
		l.fatalf("siotest: %v", err)
	}
	if tb != nil {
		tb.Cleanup(l.cleanUp)
	}
	return l.client(opts.Namespace)
}

// Of returns the client's socket in another namespace, over the same connection
// and with the same auth payload. It is not connected until Connect is called.
// Events and acks are each socket's own; Close, Abort, Stall, Upgrade, Reconnect
// and raw messages are the connection's.
func (c *Client) Of(namespace string) *Client { return c.client(namespace) }

// SetAuth sets the auth payload for the next Connect, or Reconnect.
func (c *Client) SetAuth(auth any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.auth = auth
}

// Connect joins the namespace; [Dial] has done so. It returns a *[Refusal] if the
// server refuses.
func (c *Client) Connect() error {
	c.helper()
	c.mu.Lock()
	c.id, c.refusal, c.reason, c.joins = "", nil, "", true
	auth, err := c.authToSend()
	c.mu.Unlock()
	if err != nil {
		c.fatalf("siotest: %v", err)
	}
	p := packet.Outgoing{Type: packet.Connect, ID: packet.NoID}
	if auth != nil {
		p.Args = []any{auth}
	}
	c.send(p)
	var refusal *Refusal
	c.await("the answer to CONNECT", func() bool {
		refusal = c.refusal
		return c.id != "" || refusal != nil || c.conn.closed
	})
	switch {
	case refusal != nil:
		return refusal
	case c.ID() == "":
		return &Refusal{Message: "the connection was closed"}
	}
	return nil
}

// ID returns the socket's id, or "" before the server has told it.
func (c *Client) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// Leave leaves the namespace. The connection stays.
func (c *Client) Leave() {
	c.helper()
	c.send(packet.Outgoing{Type: packet.Disconnect, ID: packet.NoID})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joins = false
	c.disconnected("io client disconnect")
}

// Close closes the connection in the orderly way.
func (c *Client) Close() { c.link.close() }

// Abort drops the connection, as a network that fails does.
func (c *Client) Abort() { c.transport().abort() }

// Stall stops reading what the server sends, until Resume.
func (c *Client) Stall() { c.transport().stall(true) }

// Resume ends what Stall began.
func (c *Client) Resume() { c.transport().stall(false) }

// Unread returns how many messages the server has not read yet. By polling, where
// SendRaw waits for it, there are none.
func (c *Client) Unread() int { return c.transport().unread() }

// Disconnected waits until the socket is no longer connected and returns why, in
// the words of the JavaScript client: "io server disconnect" if the server made it
// leave the namespace, "io client disconnect" after Leave or Close, "transport
// close" if the connection has ended otherwise.
func (c *Client) Disconnected() (reason string) {
	c.helper()
	c.await("the disconnect", func() bool {
		reason = c.reason
		return reason != ""
	})
	return reason
}

// Closed reports whether the connection has ended.
func (c *Client) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.closed
}

// Done returns a channel that is closed when the server is through with the
// connection.
func (c *Client) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.done
}
