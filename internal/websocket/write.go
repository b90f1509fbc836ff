package websocket

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
)

// output is the writer's state.
type output struct {
	rest  []byte          // what the descriptor has not taken yet
	later []*engine.Frame // what TryWriteFrames has not got to
	err   error
	armed bool         // a write deadline is set
	sent  atomic.Int64 // bytes that the system has taken
	taken int64        // of those, what the peer had when the deadline was set
	try   bool         // give up instead of waiting
	role  bool         // TryWriteFrames has left its caller the writer
}

// Prompt implements [engine.PromptConn].
func (c *Conn) Prompt() bool { return (c.raw != nil || c.parked != nil) && !c.cfg.Client }

// TryWriteFrames is like WriteFrames, but does not wait. Where it reports false,
// the peer has not taken everything, and FinishWrite must be called next.
func (c *Conn) TryWriteFrames(frames []*engine.Frame) (done bool, err error) {
	began, err := c.tryBeginWrite()
	switch {
	case err != nil:
		return true, fmt.Errorf("websocket: write: %w", err)
	case !began: // a control frame does not get through
		c.out.later = slices.Clone(frames)
		return false, nil
	}
	c.out.try = true
	err = c.writeBatch(frames)
	for err == nil && len(c.out.rest) == 0 {
		b := c.nextControl()
		if b == nil {
			return true, nil
		}
		err = c.write(b)
	}
	c.out.try = false
	if err != nil {
		return true, c.endWrite(err)
	}
	c.out.role = true
	return false, nil
}

// FinishWrite writes what TryWriteFrames has left, and returns what WriteFrames
// would.
func (c *Conn) FinishWrite() error {
	frames := c.out.later
	c.out.later = nil
	if !c.out.role {
		return c.WriteFrames(frames)
	}
	c.out.role = false
	err := c.writeRest()
	if err == nil {
		err = c.writeBatch(frames)
	}
	return c.endWrite(err)
}

// WriteFrames sends all frames, small ones several in a write. It returns when
// the system has taken them, net.ErrClosed if a close frame went before, or the
// reason why the connection is broken, which is dropped then: os.ErrDeadlineExceeded,
// to errors.Is, if the peer took nothing for WriteTimeout. One
// goroutine at a time may call it or WriteMessage.
func (c *Conn) WriteFrames(frames []*engine.Frame) error {
	if err := c.beginWrite(); err != nil {
		return fmt.Errorf("websocket: write: %w", err)
	}
	var err error
	if c.cfg.Client {
		err = c.writeMasked(frames)
	} else {
		err = c.writeBatch(frames)
	}
	return c.endWrite(err)
}

// endWrite sends what is left and the control frames that came in between, and
// ends the writer's role.
func (c *Conn) endWrite(err error) error {
	if err == nil {
		err = c.writeRest()
	}
	for err == nil {
		b := c.nextControl()
		if b == nil {
			return nil
		}
		err = c.write(b)
	}
	c.cut()
	c.mu.Lock()
	c.stepDown()
	c.mu.Unlock()
	return fmt.Errorf("websocket: write: %w", err)
}

// cut drops a connection whose peer does not take what it is sent, and with it
// what the system still holds for that peer.
func (c *Conn) cut() {
	if tcp, ok := c.conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	c.Abort()
}

// writeBatch writes the frames of a server. Where it may not wait, it keeps what
// has to.
func (c *Conn) writeBatch(frames []*engine.Frame) error {
	var pending []byte // a pooled buffer, from the first small frame on
	defer func() { freeBuffer(pending) }()
	for i, f := range frames {
		b := c.wireForm(f)
		if len(pending)+len(b) > bufferSize && len(pending) > 0 {
			if err := c.write(pending); err != nil {
				return err
			}
			if len(c.out.rest) > 0 {
				c.keep(frames[i:])
				return nil
			}
			pending = pending[:0]
		}
		last := i == len(frames)-1
		if len(b) > bufferSize || last && len(pending) == 0 {
			if err := c.write(b); err != nil {
				return err
			}
			if len(c.out.rest) > 0 {
				c.keep(frames[i+1:])
				return nil
			}
			continue
		}
		if pending == nil {
			pending = newBuffer(bufferSize)
		}
		pending = append(pending, b...)
	}
	if len(pending) == 0 {
		return nil
	}
	err := c.write(pending)
	c.keep(nil)
	return err
}

// keep holds on to what could not be written at once: the buffer and the list are
// the caller's.
func (c *Conn) keep(later []*engine.Frame) {
	if len(c.out.rest) > 0 {
		c.out.rest = slices.Clone(c.out.rest)
		c.out.later = slices.Clone(later)
	}
}

// wireForm returns the frame as all servers send it that agreed on the same.
func (c *Conn) wireForm(f *engine.Frame) []byte {
	if c.cfg.Deflate && f.Compress() && len(f.Payload()) >= c.cfg.DeflateThreshold {
		deflate := deflateText
		if f.Binary() {
			deflate = deflateBinary
		}
		if b := f.Deflated(deflate); b != nil {
			return b
		}
	}
	return f.WebSocket()
}

// writeMasked writes the frames of a client, each under a key of its own.
func (c *Conn) writeMasked(frames []*engine.Frame) error {
	b := newBuffer(bufferSize)
	for _, f := range frames {
		b = c.appendMessage(b, f.Binary(), f.Payload(), f.Compress())
	}
	err := c.write(b)
	freeBuffer(b)
	return err
}

// WriteMessage sends one message, under the conditions of WriteFrames. A text
// must be UTF-8. data may be used again when it returns.
func (c *Conn) WriteMessage(binary bool, data []byte) error {
	if err := c.beginWrite(); err != nil {
		return fmt.Errorf("websocket: write: %w", err)
	}
	b := c.appendMessage(newBuffer(maxHeader+len(data)), binary, data, true)
	err := c.write(b)
	freeBuffer(b)
	return c.endWrite(err)
}

// appendMessage appends a message in one frame, compressed if that is agreed on,
// wanted, and smaller.
func (c *Conn) appendMessage(dst []byte, binary bool, data []byte, compress bool) []byte {
	first := byte(finBit | opText)
	if binary {
		first = byte(finBit | opBinary)
	}
	if compress && c.cfg.Deflate && len(data) >= c.cfg.DeflateThreshold {
		if small := deflate(nil, data); small != nil {
			return c.appendFrame(dst, first|rsv1Bit, small)
		}
	}
	return c.appendFrame(dst, first, data)
}

// appendFrame appends a frame, masked if we are the client.
func (c *Conn) appendFrame(dst []byte, first byte, payload []byte) []byte {
	if !c.cfg.Client {
		return append(appendHeader(dst, first, len(payload), false, 0), payload...)
	}
	// A key must not be predictable (RFC 6455, section 5.3): this source is
	// ChaCha8, seeded by the system.
	key := rand.Uint32()
	dst = appendHeader(dst, first, len(payload), true, key)
	start := len(dst)
	dst = append(dst, payload...)
	mask(dst[start:], key)
	return dst
}

// write writes b as the writer, waiting until WriteTimeout, unless it is only to
// try.
func (c *Conn) write(b []byte) error {
	c.out.rest = b
	return c.writeRest()
}

// tryWrite writes what the descriptor takes of b without waiting. It reports
// false if there is something left for writeRest.
func (c *Conn) tryWrite(b []byte) bool {
	c.out.try = true
	err := c.write(b)
	c.out.try = false
	if c.out.err == nil {
		c.out.err = err
	}
	return len(c.out.rest) == 0 && c.out.err == nil
}

// writeRest writes what is left, waiting until WriteTimeout, unless it is only to
// try.
func (c *Conn) writeRest() error {
	if c.out.err != nil {
		return c.out.err
	}
	if len(c.out.rest) == 0 {
		return nil
	}
	if c.raw != nil {
		for {
			err := c.raw.Write(c.onWritable)
			if err == nil {
				return c.out.err
			}
			if !c.slow(err) {
				return err
			}
		}
	}
	if c.parked != nil {
		n, err := c.parked.TryWrite(c.out.rest)
		c.wrote(n)
		if err == nil || err == epoll.ErrWouldBlock && c.out.try {
			return nil
		}
		if err != epoll.ErrWouldBlock {
			return err
		}
	}
	for len(c.out.rest) > 0 {
		c.arm()
		n, err := c.conn.Write(c.out.rest[:min(len(c.out.rest), piece)])
		c.wrote(n)
		if err != nil && !c.slow(err) {
			c.out.rest = nil
			return err
		}
		c.out.armed = c.out.armed && len(c.out.rest) == 0 // each piece has its own
	}
	return nil
}

// piece is how much is written under one deadline where the system does not tell
// what the peer has taken of it.
const piece = 64 << 10

func (c *Conn) wrote(n int) {
	c.out.sent.Add(int64(n))
	c.out.rest = c.out.rest[n:]
}

// arm sets the write deadline, once until the peer has been found to be slow. Where a
// write can be tried without waiting, that is the first time the peer does not take
// everything: setting a timer costs as much as a small write does.
func (c *Conn) arm() {
	if !c.out.armed {
		c.out.armed = true
		c.out.taken, _, _ = c.Progress()
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.cfg.WriteTimeout))
	}
}

// slow reports whether a write may go on although its deadline has passed, and sets
// another: the peer has taken something meanwhile, of this or of what was sent before
// it. A peer gets on that is slow, and may be out of reach for most of that time.
func (c *Conn) slow(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	before := c.out.taken
	if now, _, ok := c.Progress(); !ok || now <= before {
		return false
	}
	c.out.armed = false
	c.arm()
	return true
}

// Progress implements [engine.MeteredConn].
func (c *Conn) Progress() (taken, sent int64, ok bool) {
	sent = c.out.sent.Load()
	waiting, ok := c.untaken()
	return sent - int64(waiting), sent, ok
}

// disarm clears the deadline: one that has passed fails even what need not wait.
func (o *output) disarm(c *Conn) {
	if o.armed {
		_ = c.conn.SetWriteDeadline(time.Time{})
	}
	o.armed, o.try = false, false
	o.rest = nil
}
