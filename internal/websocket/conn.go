package websocket

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
)

// A Conn is one end of an open WebSocket. The package comment says which
// goroutines may call what.
type Conn struct {
	conn   net.Conn
	parked *epoll.Conn     // conn, if Config.Group has taken it; else nil
	raw    syscall.RawConn // of conn, if its descriptor is ours to use; else nil
	cfg    Config

	in       input    // the reader's
	assembly *message // the reader's; nil but within a fragmented message

	out output // the writer's

	// Bound once, because a method value allocates.
	onReadable, onWritable func(fd uintptr) bool

	closing atomic.Bool // no message is delivered any more; set under mu

	mu         sync.Mutex // held for a few instructions, never while bytes move
	writing    bool       // somebody is the writer
	dropped    bool       // TCP is closed or about to be
	pong       []byte     // a whole frame for the writer to send
	goodbye    []byte     // our close frame's payload, for the writer to send last
	idle       chan struct{}
	closeTimer *time.Timer
}

var (
	_ engine.ParkingConn = (*Conn)(nil)
	_ engine.MeteredConn = (*Conn)(nil)
)

// New returns the WebSocket on conn, whose opening handshake is done. buffered
// holds what was read ahead of the handshake's end; it is copied. Deadlines that
// the handshake left on conn are cleared.
//
// Closing conn must close it: where a framework hands out a connection whose
// Close does nothing (fasthttp's hijacked ones), pass the one beneath it. The
// low cost of an idle connection needs conn to be a *net.TCPConn or a
// *net.UnixConn itself.
func New(conn net.Conn, buffered []byte, cfg Config) *Conn {
	if c := Take(conn, buffered, cfg); c != nil {
		return c
	}
	c := &Conn{conn: conn, cfg: cfg.withDefaults()}
	c.in.adopt(buffered)
	if c.raw = rawConn(conn); c.raw != nil {
		c.onReadable, c.onWritable = c.readable, c.writable
	}
	_ = conn.SetDeadline(time.Time{})
	return c
}

// Take is like New for a connection that Config.Group can take over; conn is closed
// then, and the peer does not notice. It returns nil, and has done nothing, if that
// cannot be.
func Take(conn net.Conn, buffered []byte, cfg Config) *Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok || cfg.Group == nil {
		return nil
	}
	parked, err := cfg.Group.Take(tcp)
	if err != nil {
		return nil
	}
	c := &Conn{conn: parked, parked: parked, cfg: cfg.withDefaults()}
	c.in.adopt(buffered)
	return c
}

// Abort drops the connection at once, without a close frame. ReadMessages and
// WriteFrames return. It may be called at any time, by any goroutine, more than
// once.
func (c *Conn) Abort() {
	conn := c.conn
	// TLS would wait for room to say goodbye in.
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	c.drop(conn)
}

// drop closes conn, which is c.conn or what is beneath it, unless that has been
// done already.
func (c *Conn) drop(conn net.Conn) {
	c.mu.Lock()
	done := c.dropped
	c.dropped = true
	c.closing.Store(true)
	if c.closeTimer != nil {
		c.closeTimer.Stop()
	}
	c.mu.Unlock()
	if !done {
		_ = conn.Close()
	}
}
