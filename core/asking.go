package socketio

import (
	"context"

	"github.com/kawat-go/kawat/core/packet"
)

// A client can wish for a namespace that does not exist: then the parents are asked
// about it.

// isAsking is called with c.mu held.
func (c *conn) isAsking(namespace string) bool { return c.asking[namespace] != nil }

// asked takes the wish for a namespace off the connection. The caller holds c.mu.
func (c *conn) asked(namespace string) { delete(c.asking, namespace) }

// ask lets the parents decide on a namespace, in a goroutine of its own, since the
// program's functions may take their time.
func (c *conn) ask(p packet.Incoming) {
	ctx, cancel := context.WithCancelCause(c.session.Context())
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		cancel(ErrDisconnected)
		return
	}
	if c.asking == nil {
		c.asking = make(map[string]context.CancelCauseFunc)
	}
	c.asking[p.Namespace] = cancel
	c.mu.Unlock()
	c.server.workers.add()
	go func() {
		defer c.server.workers.done()
		defer c.server.recovered("CONNECT")
		defer cancel(nil)
		c.seek(ctx, p)
	}()
}

func (c *conn) seek(ctx context.Context, p packet.Incoming) {
	var n *Namespace
	err := errPanic
	defer func() { c.sought(n, p, err) }() // also if a function ends its goroutine
	n, err = c.server.seek(ctx, p.Namespace, func() *Handshake { return c.handshake(p.Args) })
}

// sought goes on with what the parents have decided.
func (c *conn) sought(n *Namespace, p packet.Incoming, err error) {
	if err == nil {
		c.join(n, p.Args)
		return
	}
	c.mu.Lock()
	c.asked(p.Namespace)
	c.mu.Unlock()
	c.refuse(p.Namespace, disclosed(err))
}

// stopAsking cancels what is asked for a client that has gone.
func (c *conn) stopAsking() {
	c.mu.Lock()
	asking := c.asking
	c.asking = nil
	c.mu.Unlock()
	for _, cancel := range asking {
		cancel(ErrDisconnected)
	}
}
