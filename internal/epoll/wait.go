//go:build linux && !386

package epoll

import (
	"net"
	"os"
	"sync/atomic"
	"time"
)

// waits are the channels on which somebody waits, closed to wake all of them.
type waits struct{ read, write chan struct{} }

func (w *waits) of(bit uint32) *chan struct{} {
	if bit == readers {
		return &w.read
	}
	return &w.write
}

// Read reads what is there; if that is nothing, it waits.
func (c *Conn) Read(p []byte) (int, error) {
	var woken chan struct{}
	for {
		if expired(&c.readBy) {
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		}
		n, err := c.TryRead(p)
		switch {
		case err != ErrWouldBlock:
			return n, err
		case woken == nil:
			// Try again before waiting: what came before now wakes nobody.
			woken = c.loop.await(c, readers)
		default:
			sleep(woken, &c.readBy)
			woken = nil
		}
	}
}

// Write writes all of p. Its bytes are not mixed with those of other calls.
func (c *Conn) Write(p []byte) (written int, err error) {
	if err := c.beginWrite(); err != nil {
		return 0, err
	}
	defer c.leave(writing)
	var woken chan struct{}
	for {
		switch {
		case c.state.Load()&closed != 0:
			return written, net.ErrClosed
		case expired(&c.writeBy):
			return written, c.failed("write", os.ErrDeadlineExceeded)
		}
		n, err := c.write(p[written:])
		written += n
		switch {
		case err != ErrWouldBlock:
			return written, err
		case woken == nil:
			woken = c.loop.await(c, writers)
			if err := c.loop.watchWrites(c); err != nil {
				return written, c.failed("write", err)
			}
		default:
			sleep(woken, &c.writeBy)
			woken = nil
		}
	}
}

// beginWrite enters as the writer, behind those who write already: they have the
// same deadline.
func (c *Conn) beginWrite() error {
	var woken chan struct{}
	for {
		s, ok := c.enter(writing)
		switch {
		case ok:
			return nil
		case s&closed != 0:
			return net.ErrClosed
		case woken == nil:
			woken = c.loop.await(c, writers)
		default:
			<-woken
			woken = nil
		}
	}
}

// start is where the clock of the deadlines begins. They are numbers, 8 bytes
// each; a timer exists while somebody waits.
var start = time.Now()

func expired(deadline *atomic.Int64) bool {
	d := deadline.Load()
	return d != 0 && int64(time.Since(start)) >= d
}

// sleep waits until woken is closed, or the deadline.
func sleep(woken <-chan struct{}, deadline *atomic.Int64) {
	d := deadline.Load()
	if d == 0 {
		<-woken
		return
	}
	t := time.NewTimer(time.Duration(d) - time.Since(start))
	defer t.Stop()
	select {
	case <-woken:
	case <-t.C:
	}
}

// SetDeadline sets the deadlines of Read and Write, those that wait included.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, readers|writers) }

// SetReadDeadline sets the deadline of Read; none if t is zero.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, readers) }

// SetWriteDeadline sets the deadline of Write; none if t is zero.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, writers) }

func (c *Conn) setDeadline(t time.Time, who uint32) error {
	var d int64
	if !t.IsZero() {
		if d = int64(t.Sub(start)); d == 0 {
			d = -1 // zero is none
		}
	}
	if who&readers != 0 {
		c.readBy.Store(d)
	}
	if who&writers != 0 {
		c.writeBy.Store(d)
	}
	s := c.state.Load()
	if s&closed != 0 {
		return c.failed("set", net.ErrClosed)
	}
	if s&who != 0 {
		c.loop.wake(c, who)
	}
	return nil
}
