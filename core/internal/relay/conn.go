package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/kawat-go/kawat/core/engine"
)

// A conn is the owner's end of a WebSocket: an [engine.ParkingConn].
type conn struct {
	stream  *stream
	started bool // guarded by the stream's mu

	// Used by the reader only.
	in   assembler
	rest []byte // of what was read, that which is not taken
	took int    // bytes that are, and of which the door does not know

	// Used by the writer only.
	out []byte // what TryWriteFrames has left

	mu      sync.Mutex
	awake   func()
	parked  bool        // awake is to be called when something arrives
	writing bool        // something is left to be written
	closes  *closeFrame // to be sent behind that
	closed  bool        // Close was called
}

func newConn(st *stream) *conn {
	c := &conn{stream: st, in: assembler{limit: st.relay.cfg.Server.MaxPayload()}}
	st.notify = c.arrived
	return c
}

var (
	_ engine.ParkingConn = (*conn)(nil)
	_ engine.MeteredConn = (*conn)(nil)
)

// arrived wakes who waits for the connection.
func (c *conn) arrived() {
	c.mu.Lock()
	wakes := c.parked
	c.parked = false
	awake := c.awake
	c.mu.Unlock()
	if wakes {
		go awake()
	}
}

// Park implements [engine.ParkingConn].
func (c *conn) Park(awake func()) bool {
	c.mu.Lock()
	c.awake = awake
	c.mu.Unlock()
	go awake()
	return true
}

// Rest implements [engine.ParkingConn].
func (c *conn) Rest() bool {
	c.mu.Lock()
	c.parked = true
	c.mu.Unlock()
	if !c.stream.hasInput() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rests := !c.parked // somebody else has been woken
	c.parked = false
	return rests
}

// hasInput reports whether there is something to read, be it the end.
func (st *stream) hasInput() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.chunks) > 0 || st.ended != nil || st.failed != nil
}

// ReadMessages implements [engine.Conn].
func (c *conn) ReadMessages(deliver func(binary bool, data []byte) error) error {
	for {
		delivered, err := c.deliver(deliver)
		if delivered || err != nil {
			return err
		}
		<-c.stream.arrived
	}
}

// ReadAvailable implements [engine.ParkingConn].
func (c *conn) ReadAvailable(deliver func(binary bool, data []byte) error) (more bool, err error) {
	_, err = c.deliver(deliver)
	return false, err
}

// deliver delivers the messages that have arrived.
func (c *conn) deliver(deliver func(binary bool, data []byte) error) (delivered bool, err error) {
	defer func() {
		c.stream.took(c.took)
		c.took = 0
	}()
	for {
		st := c.stream
		st.mu.Lock()
		ended, failed := st.ended, st.failed
		st.mu.Unlock()
		if len(c.rest) == 0 {
			c.rest = st.read()
		}
		switch {
		case len(c.rest) > 0:
		case delivered:
			return true, nil // the end is for the next call
		case ended != nil:
			return false, ended.connError()
		case failed != nil:
			return false, fmt.Errorf("%w: %w", io.EOF, failed)
		default:
			return false, nil
		}
		n, data, flags, ok, err := c.in.next(c.rest)
		c.rest = c.rest[n:]
		c.took += n
		switch {
		case err != nil:
			st.fail(err)
			return delivered, err
		case ok:
			delivered = true
			if err := deliver(flags&isBinary != 0, data); err != nil {
				return delivered, err
			}
		}
	}
}

// An endError is an end of the connection at the door, in its words.
type endError string

func (e endError) Error() string { return string(e) }

// Unwrap returns io.EOF.
func (e endError) Unwrap() error { return io.EOF }

func (e *ending) connError() error {
	switch {
	case e.how == endBroken:
		return &engine.ConnError{Code: e.code, Reason: e.text}
	case e.text == io.EOF.Error():
		return io.EOF
	}
	return endError(e.text)
}

// Prompt implements [engine.PromptConn].
func (c *conn) Prompt() bool { return true }

// TryWriteFrames implements [engine.PromptConn].
func (c *conn) TryWriteFrames(frames []*engine.Frame) (done bool, err error) {
	size := 0
	for _, f := range frames {
		size += len(f.Payload()) + binary.MaxVarintLen32
	}
	out := make([]byte, 0, size)
	for _, f := range frames {
		out = appendFrame(out, f)
	}
	if !c.beginWrite() {
		return true, errClosing
	}
	n, err := c.stream.tryWrite(out)
	if err == nil && n < len(out) {
		c.out = out[n:]
		return false, nil
	}
	c.endWrite()
	return true, err
}

var errClosing = errors.New("relay: the connection is being closed")

// FinishWrite implements [engine.PromptConn].
func (c *conn) FinishWrite() error {
	defer c.endWrite()
	out := c.out
	c.out = nil
	err := c.stream.write(out, c.stream.relay.cfg.Server.WriteTimeout())
	if err != nil {
		c.stream.fail(err) // a part of a message may have left
	}
	return err
}

// WriteFrames implements [engine.Conn].
func (c *conn) WriteFrames(frames []*engine.Frame) error {
	done, err := c.TryWriteFrames(frames)
	if done || err != nil {
		return err
	}
	return c.FinishWrite()
}

func (c *conn) beginWrite() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = !c.closed
	return c.writing
}

func (c *conn) endWrite() {
	c.mu.Lock()
	c.writing = false
	closes := c.closes
	c.closes = nil
	c.mu.Unlock()
	if closes != nil {
		c.sendClose(closes)
	}
}

// Close implements [engine.Conn].
func (c *conn) Close(code int, reason string) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	closes := &closeFrame{code, reason}
	if c.writing {
		c.closes = closes
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.sendClose(closes)
}

func (c *conn) sendClose(f *closeFrame) {
	c.stream.send(closing, appendText(binary.AppendUvarint(nil, uint64(f.code)), f.reason))
}

// Abort implements [engine.Conn].
func (c *conn) Abort() {
	st := c.stream
	if st.hasEnded() {
		st.finish(errReleased) // the door has let go of it
	} else {
		st.fail(errClosed)
	}
}

func (st *stream) hasEnded() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.ended != nil
}

// Progress implements [engine.MeteredConn].
func (c *conn) Progress() (taken, sent int64, ok bool) {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	return c.stream.acked, c.stream.sent, c.stream.failed == nil
}
