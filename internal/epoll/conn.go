//go:build linux && !386

package epoll

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
)

// A Conn is a TCP connection in a group. It is a net.Conn: Read and Write wait,
// and all methods may be called by any goroutine. There may be a hundred thousand
// of them: what most never need is made on demand.
type Conn struct {
	loop    *loop
	awake   func()
	next    *Conn  // in the crew's queue
	waits   *waits // nil until somebody had to wait; under the loop's lock
	readBy  atomic.Int64
	writeBy atomic.Int64
	local   *net.TCPAddr // shared with others
	remote  netip.Addr
	port    uint16 // the remote one
	fd      int32
	gen     uint32 // tells apart the connections that had the same descriptor
	state   atomic.Uint32
}

// The bits of Conn.state.
const (
	closed  = 1 << iota // no system call begins any more
	running             // somebody has the reading side: an awake, or the owner before Park
	again               // something arrived since
	ended               // the peer has ended or broken the connection, which has not been read yet
	writing             // somebody writes
	readers             // somebody waits in Read, or for a change of its deadline
	writers             // the same in Write, or for another's Write
	roomy               // room to write is an event
	ref                 // the first bit of the number of those that are inside a system call
)

// enter keeps the descriptor open until leave. It sets bits, and fails if one of
// them is set, or the connection is closed: the state says why.
func (c *Conn) enter(bits uint32) (state uint32, ok bool) {
	for {
		s := c.state.Load()
		if s&(closed|bits) != 0 {
			return s, false
		}
		if c.state.CompareAndSwap(s, s+ref|bits) {
			return s, true
		}
	}
}

// leave takes back what enter did. Whoever leaves a closed connection last closes
// the descriptor.
func (c *Conn) leave(bits uint32) {
	s := c.state.Add(-(ref | bits))
	if bits&writing != 0 && s&writers != 0 {
		c.loop.wake(c, writers)
	}
	if s&closed != 0 && s < ref {
		c.closeDescriptor()
	}
}

// Untaken returns how many of the bytes written the peer's system has not
// acknowledged yet; false if the connection is closed.
func (c *Conn) Untaken() (n int, ok bool) {
	if _, open := c.enter(0); !open {
		return 0, false
	}
	defer c.leave(0)
	return untaken(c.fd)
}

// TryRead reads what is there, without waiting. If that is nothing, the error is
// ErrWouldBlock; at the end it is io.EOF. Deadlines do not matter.
func (c *Conn) TryRead(p []byte) (int, error) {
	if _, ok := c.enter(0); !ok {
		return 0, net.ErrClosed
	}
	if len(p) == 0 {
		c.leave(0)
		return 0, nil
	}
	n, errno := receive(c.fd, p)
	c.leave(0)
	if n > 0 {
		return n, nil
	}
	if c.state.Load()&ended != 0 {
		// Now it is read. If there was nothing, the end is still to come, or came
		// after we looked: then again is set.
		c.state.And(^uint32(ended))
	}
	switch errno {
	case 0:
		return 0, io.EOF
	case syscall.EAGAIN:
		return 0, ErrWouldBlock
	default:
		return 0, c.failed("read", os.NewSyscallError("recv", errno))
	}
}

// TryWrite writes as much of p as the system takes, without waiting. A nil error
// says that it was all. With ErrWouldBlock p[n:] is left: because the system is
// full, or another goroutine waits in Write, and n is 0. Deadlines do not matter.
func (c *Conn) TryWrite(p []byte) (int, error) {
	s, ok := c.enter(writing)
	switch {
	case ok:
	case s&closed != 0:
		return 0, net.ErrClosed
	default:
		return 0, ErrWouldBlock
	}
	n, err := c.write(p)
	c.leave(writing)
	return n, err
}

// write is for who has entered.
func (c *Conn) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, errno := send(c.fd, p)
	switch {
	case errno == syscall.EAGAIN || errno == 0 && n < len(p):
		return n, ErrWouldBlock
	case errno != 0:
		return 0, c.failed("write", os.NewSyscallError("send", errno))
	}
	return n, nil
}

// failed is how package net reports an error.
func (c *Conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Park has awake called, now and from now on, as the package's comment says. Only
// who has the reading side may call it: the owner before the first Park, or awake
// where it has not rested. awake must stop its panics itself.
func (c *Conn) Park(awake func()) {
	c.awake = awake
	c.loop.crew.add(queue{c, c})
}

// Rest is called by awake when it has read all there was: when TryRead has
// returned less than it could, or ErrWouldBlock. If it returns true, awake is
// called again when something arrives, perhaps already now. If it returns false,
// something has arrived meanwhile, or the end has not been read, or the connection
// is closed, and awake must read on.
func (c *Conn) Rest() bool {
	for {
		s := c.state.Load()
		if s&(again|ended|closed) != 0 {
			c.state.And(^uint32(again))
			return false
		}
		if c.state.CompareAndSwap(s, s&^running) {
			return true
		}
	}
}

// arrived notes that there is something to read, perhaps the end. It reports
// whether awake must be called.
func (c *Conn) arrived(end bool) bool {
	for {
		s := c.state.Load()
		next := s | running
		if s&running != 0 {
			next |= again
		}
		if end {
			next |= ended
		}
		if c.state.CompareAndSwap(s, next) {
			return s&running == 0
		}
	}
}

// Close closes the connection. Whoever waits in Read or Write, or begins to,
// gets net.ErrClosed, and so does whoever closes it again. If it rests, awake is
// called.
func (c *Conn) Close() error {
	var s uint32
	for {
		s = c.state.Load()
		if s&closed != 0 {
			return net.ErrClosed
		}
		if c.state.CompareAndSwap(s, s|closed|running) {
			break
		}
	}
	c.loop.remove(c)
	if s < ref {
		c.closeDescriptor()
	}
	if s&running == 0 {
		c.loop.crew.add(queue{c, c})
	}
	c.loop.crew.leave()
	return nil
}

// closeDescriptor is called once. That takes the connection out of epoll as well.
func (c *Conn) closeDescriptor() { _ = syscall.Close(int(c.fd)) }
