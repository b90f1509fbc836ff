package siotest

import (
	"errors"
	"time"
)

// Upgrade moves a client that polls to WebSocket, as stock clients do when they
// have connected, and returns when it has moved. It fails the test if that is not
// possible.
func (c *Client) Upgrade() {
	c.helper()
	p, ok := c.transport().(*polling)
	if !ok {
		c.fatalf("siotest: only a client that polls can move to WebSocket")
	}
	if err := p.upgrade(c.opts.Timeout); err != nil {
		c.fatalf("siotest: the move to WebSocket: %v", err)
	}
}

// upgrade opens a WebSocket, proves it, and waits until the poll that hangs has
// ended and the WebSocket has taken over.
func (p *polling) upgrade(timeout time.Duration) error {
	if p.candidate() != nil {
		return errors.New("the client has moved already")
	}
	next, err := openPipe(p.server, p.opts, p.sid)
	if err != nil {
		return err
	}
	next.send([]any{"2probe"})
	if answer, _ := next.receive(); len(answer) != 1 || answer[0] != "3probe" {
		next.close()
		return errors.New("the server did not answer the probe")
	}
	p.mu.Lock()
	p.next = next
	p.mu.Unlock()
	select {
	case <-p.moved:
	case <-time.After(timeout):
		return errors.New("the poll did not end in time")
	}
	if !next.handled(timeout) {
		return errors.New("the server did not take over in time")
	}
	return nil
}

// move lets the WebSocket take over. The reader calls it, when no poll hangs.
func (p *polling) move(next *pipe) {
	p.posting <- struct{}{}
	defer func() { <-p.posting }()
	select {
	case <-p.moved:
	default:
		next.send([]any{"5"})
		close(p.moved)
	}
}

// candidate returns the WebSocket that is to take over, or has, or nil.
func (p *polling) candidate() *pipe {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// successor returns the WebSocket that has taken over, or nil.
func (p *polling) successor() *pipe {
	select {
	case <-p.moved:
		return p.candidate()
	default:
		return nil
	}
}
