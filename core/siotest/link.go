package siotest

import (
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A link is what the sockets of one client share.
type link struct {
	tb     TB
	server *engine.Server
	opts   Options

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	conn    *connection
	clients []*Client // one for each namespace, in the order in which they were asked for
	raw     []any
}

// A connection is one of those that a link has, one after another.
type connection struct {
	transport transport
	decoder   packet.Decoder
	done      chan struct{} // closed when the server is through with it
	closed    bool          // guarded by the link's mu
}

// open opens a connection in place of the one before.
func (l *link) open() error {
	conn := &connection{decoder: l.opts.Codec.NewDecoder(packet.Limits{}), done: make(chan struct{})}
	var err error
	if l.opts.Transport == engine.Polling {
		conn.transport, err = openPolling(l.server, l.opts)
	} else {
		conn.transport, err = openPipe(l.server, l.opts, "")
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.conn = conn
	l.mu.Unlock()
	go l.read(conn)
	return nil
}

func (l *link) transport() transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn.transport
}

// client returns the socket of a namespace.
func (l *link) client(namespace string) *Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.find(namespace); c != nil {
		return c
	}
	c := &Client{
		link: l, namespace: namespace, auth: l.opts.Auth,
		handlers: make(map[string]func(Event)), acks: make(map[int64]packet.Args),
	}
	l.clients = append(l.clients, c)
	return c
}

// find is called with l.mu held.
func (l *link) find(namespace string) *Client {
	for _, c := range l.clients {
		if c.namespace == namespace {
			return c
		}
	}
	return nil
}

func (l *link) close() {
	l.mu.Lock()
	transport := l.conn.transport
	for _, c := range l.clients {
		c.joins = false
		c.disconnected("io client disconnect")
	}
	l.mu.Unlock()
	transport.close()
}

// cleanUp leaves nothing of the client behind, unless a handler keeps the server
// from reading.
func (l *link) cleanUp() {
	l.transport().stall(false)
	l.close()
	l.mu.Lock()
	done := l.conn.done
	l.mu.Unlock()
	select {
	case <-done:
	case <-time.After(l.opts.Timeout):
	}
}

// change wakes those who wait for a change. The caller holds l.mu.
func (l *link) change() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// await waits until there holds, which is asked with l.mu held, or fails the test.
func (l *link) await(what string, there func() bool) {
	l.helper()
	timeout := time.NewTimer(l.opts.Timeout)
	defer timeout.Stop()
	for {
		l.mu.Lock()
		done, changed := there(), l.changed
		l.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			l.fatalf("siotest: %s did not come in %v", what, l.opts.Timeout)
			return
		}
	}
}

func (l *link) helper() {
	if l.tb != nil {
		l.tb.Helper()
	}
}
