package testclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// A Transport is how a packet travels.
type Transport string

// The transports.
const (
	Polling   Transport = "polling"
	WebSocket Transport = "websocket"
)

// A Packet is one of Engine.IO's that has arrived.
type Packet struct {
	Via    Transport
	Type   byte // its digit; '4' for a binary message, too
	Binary bool
	Data   []byte // what comes after the digit; valid during the call
}

// Options are the settings of a [Client].
type Options struct {
	Addr      string    // the server's host:port
	Path      string    // default "/socket.io/"
	Query     string    // more of it for every request, such as "&user=1"
	Header    string    // more lines of it for every request, each with CR LF at its end
	Transport Transport // to begin with; default Polling

	// Dial opens a connection. Default: TCP to Addr. Polling opens two at the
	// beginning, for GET and for POST, and each try of a WebSocket another.
	Dial func(ctx context.Context) (net.Conn, error)
	// PollPause is how long to wait before each poll but the first. Default: not.
	PollPause func() time.Duration

	// OnMessage is called for each message, in order, one at a time: with a packet of
	// Socket.IO, or with an attachment, which is binary. The data is valid during the
	// call. It must not wait for the client.
	OnMessage func(binary bool, data []byte)
	// OnPacket, if set, is called for each packet of Engine.IO, messages included,
	// before the client does anything about it.
	OnPacket func(p Packet)
}

// A Client is connected to a server. Its methods may be called from any goroutine.
type Client struct {
	// What the server has said in the handshake.
	ID           string
	PingInterval time.Duration
	MaxPayload   int

	opts    Options
	ctx     context.Context // ends with the client
	cancel  context.CancelFunc
	running sync.WaitGroup
	joined  chan struct{} // closed when the answer to Join is there
	get     httpConn
	post    httpConn

	mu      sync.Mutex
	changed sync.Cond // of what follows
	out     queue
	spare   queue // the queue's other half, while nothing is written
	writing bool  // somebody writes what was in the queue
	polling bool  // a poll is on its way, or being handled
	paused  bool  // no poll and no write begins
	ws      *wsConn
	closing bool
	ended   bool
	err     error
	refusal string // what the server has said to Join, if not yes
}

// ErrClosed is returned by the methods of a client that was closed.
var ErrClosed = errors.New("testclient: closed")

// closePatience is how long Close waits for the server.
const closePatience = 10 * time.Second

// Connect makes the handshake of Engine.IO. Where ctx ends later, the client does as
// well.
func Connect(ctx context.Context, opts Options) (*Client, error) {
	if opts.Path == "" {
		opts.Path = "/socket.io/"
	}
	if opts.Dial == nil {
		opts.Dial = func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", opts.Addr)
		}
	}
	c := &Client{opts: opts, joined: make(chan struct{})}
	c.changed.L = &c.mu
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.get.dial, c.post.dial = opts.Dial, opts.Dial
	c.running.Go(func() { // as long as anything runs
		<-c.ctx.Done()
		c.fail(c.ctx.Err())
	})
	begin := c.beginPolling
	if opts.Transport == WebSocket {
		begin = c.beginWebSocket
	}
	if err := begin(); err != nil {
		c.fail(err)
		c.running.Wait()
		return nil, err
	}
	return c, nil
}

// Join joins the main namespace, and returns an error if the server refuses that.
func (c *Client) Join(ctx context.Context) error {
	if err := c.Send([]byte("0")); err != nil {
		return err
	}
	select {
	case <-c.joined:
	case <-c.ctx.Done():
		return c.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != "" {
		return fmt.Errorf("testclient: the server does not let the client join: %s", c.refusal)
	}
	return nil
}

// Send sends a packet of Socket.IO, such as 2["hello"], and its attachments. It does
// not wait, and keeps nothing of what it was given.
func (c *Client) Send(packet []byte, attachments ...[]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.closing {
		return c.errLocked()
	}
	c.out.message(packet)
	for _, a := range attachments {
		c.out.push(opBinary, a)
	}
	c.flush()
	return nil
}

// Transport returns the one in use.
func (c *Client) Transport() Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws != nil {
		return WebSocket
	}
	return Polling
}

// Done returns a channel that is closed when the client has ended.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// Err returns why the client has ended, or nil: [ErrClosed], or what went wrong.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errLocked()
}

func (c *Client) errLocked() error {
	if c.err == nil && c.closing {
		return ErrClosed
	}
	return c.err
}

// Close sends what is left to be sent, says goodbye, and returns when nothing of the
// client is left. It returns what has ended the client before.
func (c *Client) Close() error {
	defer time.AfterFunc(closePatience, func() { c.fail(ErrClosed) }).Stop()
	c.mu.Lock()
	reason := c.ctx.Err() // the caller's context has ended, and nobody has noticed yet
	if c.ended || reason == nil {
		reason = ErrClosed
	}
	if !c.ended && !c.closing && reason == ErrClosed {
		c.closing, c.paused = true, false
		c.goodbye()
		c.flush()
	}
	for (c.writing || c.ws != nil) && !c.ended { // a WebSocket is closed by both
		c.changed.Wait()
	}
	c.mu.Unlock()
	c.fail(reason)
	c.running.Wait()
	if err := c.Err(); err != ErrClosed {
		return err
	}
	return nil
}

// Abort drops all connections without a word.
func (c *Client) Abort() {
	c.fail(ErrClosed)
	c.running.Wait()
}

// fail ends the client. Only its first call counts.
func (c *Client) fail(err error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	c.err = err
	if c.closing { // what comes now is the answer to that
		c.err = ErrClosed
	}
	ws := c.ws
	c.changed.Broadcast()
	c.mu.Unlock()
	c.cancel()
	c.get.close()
	c.post.close()
	if ws != nil {
		_ = ws.conn.Close()
	}
}

// flush has somebody write what is queued. The caller holds c.mu.
func (c *Client) flush() {
	if c.writing || c.paused || c.ended || c.out.empty() {
		return
	}
	c.writing = true
	c.running.Go(c.write)
}

// write writes what is queued, and what is queued meanwhile.
func (c *Client) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.paused && !c.ended && !c.out.empty() {
		q, ws := c.out, c.ws
		c.out, c.spare = c.spare, queue{}
		c.mu.Unlock()
		var err error
		if ws != nil {
			err = ws.write(&q)
		} else {
			err = c.postAll(&q)
		}
		if err != nil {
			c.fail(err)
		}
		q.reset()
		c.mu.Lock()
		c.spare = q
	}
	c.writing = false
	c.changed.Broadcast()
}

// received handles a packet that has arrived by the transport in use.
func (c *Client) received(p Packet) error {
	if c.opts.OnPacket != nil {
		c.opts.OnPacket(p)
	}
	switch p.Type {
	case '1':
		return errors.New("testclient: the server has closed the session")
	case '2':
		return c.pong(p.Data)
	case '4':
		c.message(p)
	case '6':
	default:
		return fmt.Errorf("testclient: a packet that has no place here: %q", p.Type)
	}
	return nil
}

// message looks for the answer to Join, and hands on all others.
func (c *Client) message(p Packet) {
	if !p.Binary && len(p.Data) > 0 && (p.Data[0] == '0' || p.Data[0] == '4') {
		select {
		case <-c.joined:
		default:
			if p.Data[0] == '4' {
				c.mu.Lock()
				c.refusal = string(p.Data[1:])
				c.mu.Unlock()
			}
			close(c.joined)
			return
		}
	}
	if c.opts.OnMessage != nil {
		c.opts.OnMessage(p.Binary, p.Data)
	}
}

func (c *Client) pong(data []byte) error {
	if len(data) > 0 {
		return fmt.Errorf("testclient: a ping with data: %q", data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.push(opText, []byte{'3'})
	c.flush()
	return nil
}

// opened reads the server's handshake.
func (c *Client) opened(p Packet) error {
	if c.opts.OnPacket != nil {
		c.opts.OnPacket(p)
	}
	var open struct {
		Sid          string
		PingInterval int
		MaxPayload   int
	}
	if p.Type != '0' || p.Binary {
		return fmt.Errorf("testclient: no handshake: %q", p.Data)
	}
	if err := json.Unmarshal(p.Data, &open); err != nil {
		return fmt.Errorf("testclient: the handshake: %w", err)
	}
	c.ID, c.MaxPayload = open.Sid, open.MaxPayload
	c.PingInterval = time.Duration(open.PingInterval) * time.Millisecond
	return nil
}
