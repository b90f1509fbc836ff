package websocket

import (
	"fmt"
	"io"

	"github.com/kawat-go/kawat/core/engine"
)

// ReadMessages waits until a message is there, then calls deliver for each one
// that arrived with it, in order, and returns nil. The data is deliver's until
// it returns. deliver may call any method but ReadMessages.
//
// An error of deliver is returned as it is; the next call goes on behind the
// message. After any other error the connection is closed and every further call
// returns io.EOF:
//   - *engine.ConnError: the peer broke the protocol. It was sent the close
//     frame, and had up to a second to read it.
//   - *[CloseError], for which errors.Is(err, io.EOF) holds: the peer sent a close
//     frame, of itself or to answer ours, and was answered.
//   - any other error for which errors.Is(err, io.EOF) holds: the connection
//     ended or broke, or was aborted.
//
// From Close on messages are discarded, and ReadMessages returns when the peer has
// answered or CloseTimeout has passed. One goroutine at a time may call it.
func (c *Conn) ReadMessages(deliver func(binary bool, data []byte) error) error {
	if c.in.done {
		return io.EOF
	}
	for {
		delivered, err := c.decode(deliver)
		if c.in.ping != nil {
			c.answerPing()
		}
		if err != nil {
			return c.end(err)
		}
		if delivered {
			c.unbuffer()
			return nil
		}
		if err := c.fill(); err != nil {
			return c.lost(err)
		}
	}
}

// unbuffer gives the buffer back between two calls, which may be far apart.
func (c *Conn) unbuffer() {
	if c.raw != nil && len(c.in.rest()) == 0 {
		c.in.release()
	}
}

// fill waits for bytes and reads what is there, up to a buffer full.
func (c *Conn) fill() error {
	if c.raw != nil {
		if err := c.raw.Read(c.onReadable); err != nil {
			return err
		}
		return c.in.err
	}
	c.in.makeRoom(waitSize)
	n, err := c.conn.Read(c.in.free())
	c.in.buf = c.in.buf[:len(c.in.buf)+n]
	if n > 0 {
		return nil // an error comes again with the next read
	}
	return err
}

// end finishes what decode could not go on from.
func (c *Conn) end(err error) error {
	switch err := err.(type) {
	case *deliverError:
		return err.error
	case *CloseError:
		c.stop()
		c.startClose(closeBody(err.echo(), ""), c.cfg.CloseTimeout)
		c.awaitWriter()
		c.drop(c.conn)
		return err
	case *engine.ConnError:
		return c.fail(err)
	default:
		return c.lost(err)
	}
}

// fail tells the peer what it did wrong. Closing at once could reset the
// connection while the peer still sends, and take the close frame from it; so
// for a moment what it sends is read and thrown away.
func (c *Conn) fail(violation *engine.ConnError) error {
	c.stop()
	payload := closeBody(violation.Code, "") // the reason is for our log: the reference says none either
	if !c.startClose(payload, c.cfg.DiscardTimeout) {
		return c.lost(fmt.Errorf("while closing: %s", violation.Reason))
	}
	c.awaitWriter()
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	b := newBuffer(bufferSize)
	for {
		if _, err := c.conn.Read(b[:bufferSize]); err != nil {
			break
		}
	}
	freeBuffer(b)
	c.drop(c.conn)
	return violation
}

// lost ends a connection that the peer or the network has ended.
func (c *Conn) lost(cause error) error {
	c.stop()
	c.Abort()
	if cause == io.EOF {
		return io.EOF
	}
	return fmt.Errorf("%w: %w", io.EOF, cause)
}

// stop makes this the last call of ReadMessages that does anything.
func (c *Conn) stop() {
	c.in.done = true
	c.in.release()
	c.assembly = nil
}
