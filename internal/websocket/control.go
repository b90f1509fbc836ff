package websocket

import "net"

// answerPing has a pong sent for the last ping that was read. A pong that is
// still waiting is replaced: a peer that pings faster than it reads gets fewer
// pongs, as RFC 6455, section 5.5.3, allows.
func (c *Conn) answerPing() {
	pong := c.controlFrame(opPong, c.in.ping)
	c.in.ping = nil
	c.mu.Lock()
	if c.closing.Load() {
		c.mu.Unlock()
		return
	}
	c.pong = pong
	c.sendControl()
}

// controlFrame returns a frame in the form that the wire wants.
func (c *Conn) controlFrame(op opcode, payload []byte) []byte {
	dst := make([]byte, 0, 2+4+len(payload))
	return c.appendFrame(dst, finBit|byte(op), payload)
}

// sendControl sends the control frames that wait, or leaves them to the writer if
// there is one. It does not block. mu is held when it is called, and not any more
// when it returns.
func (c *Conn) sendControl() {
	if c.writing || c.dropped {
		c.mu.Unlock()
		return
	}
	c.writing = true
	c.mu.Unlock()
	if c.raw == nil && c.parked == nil {
		go func() { _ = c.endWrite(nil) }()
		return
	}
	for {
		b := c.nextControl()
		if b == nil {
			return
		}
		if !c.tryWrite(b) {
			go func() { _ = c.endWrite(nil) }()
			return
		}
	}
}

// nextControl returns what the writer has to send before it steps down, or nil
// when it has stepped down.
func (c *Conn) nextControl() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped || c.pong == nil && c.goodbye == nil {
		c.stepDown()
		return nil
	}
	b := c.pong
	if c.goodbye != nil {
		b = append(b, c.controlFrame(opClose, c.goodbye)...)
	}
	c.pong, c.goodbye = nil, nil
	return b
}

// beginWrite makes the caller the writer, after the one that writes now. It fails
// once a close frame waits to be sent or was sent.
func (c *Conn) beginWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing && !c.closing.Load() {
		c.awaitIdle()
	}
	if c.closing.Load() {
		return net.ErrClosed
	}
	c.writing = true
	return nil
}

// tryBeginWrite is like beginWrite, but reports false instead of waiting.
func (c *Conn) tryBeginWrite() (began bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing.Load():
		return false, net.ErrClosed
	case c.writing:
		return false, nil
	}
	c.writing = true
	return true, nil
}

// awaitWriter waits until nobody writes. It ends with the write deadline or the
// close timer at the latest.
func (c *Conn) awaitWriter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing {
		c.awaitIdle()
	}
}

// awaitIdle waits for the writer to step down. mu is held before and after.
func (c *Conn) awaitIdle() {
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	<-idle
	c.mu.Lock()
}

// stepDown ends the writer's role. mu is held.
func (c *Conn) stepDown() {
	c.out.disarm(c)
	c.writing = false
	if c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}
