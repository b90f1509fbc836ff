package websocket

import (
	"io"

	"github.com/kawat-go/kawat/internal/epoll"
)

// Park implements [engine.ParkingConn]. It is possible where Config.Group has taken
// the connection.
func (c *Conn) Park(awake func()) bool {
	if c.parked == nil {
		return false
	}
	c.parked.Park(awake)
	return true
}

// Rest implements [engine.ParkingConn].
func (c *Conn) Rest() bool { return c.parked.Rest() }

// ReadAvailable is ReadMessages for a connection that is parked: it reads once,
// without waiting, and calls deliver for each message that is complete then. more
// says that there may be something left to read.
func (c *Conn) ReadAvailable(deliver func(binary bool, data []byte) error) (more bool, err error) {
	if c.in.done {
		return false, io.EOF
	}
	c.in.makeRoom(bufferSize)
	free := c.in.free()
	n, gone := c.parked.TryRead(free)
	c.in.buf = c.in.buf[:len(c.in.buf)+n]
	_, err = c.decode(deliver) // even if it is gone: the handshake may have left something
	if c.in.ping != nil {
		c.answerPing()
	}
	switch {
	case err != nil:
		return true, c.end(err)
	case gone != nil && gone != epoll.ErrWouldBlock:
		return false, c.lost(gone)
	}
	if more = n == len(free); !more {
		c.in.park()
	}
	return more, nil
}
