package engine_test

import (
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A message is one message of a pipe; binary ones are told apart by a prefix that
// no text packet has.
type message string

const binaryPrefix = "\x00"

func binary(data string) message { return message(binaryPrefix + data) }

// A pipe is an engine.Conn without a network. The engine has one end; the methods
// below are the client's. It checks what the engine promises a connection: one
// reader, one writer, no empty batch, and no noop.
type pipe struct {
	t *testing.T

	mu       sync.Mutex
	changed  sync.Cond
	in       [][]message // batches that the engine has not read yet
	inErr    error       // what reading ends with once in is empty
	out      []message   // what the engine has written
	batches  []int       // how many frames each write had
	taken    int         // how many of out the client has looked at
	stalled  bool        // writes wait
	onceOnly bool        // a write that goes through is the last one
	writeErr error       // writes fail
	silent   bool        // the client does not answer a close frame, and goes on sending
	closed   bool
	aborted  bool
	reading  bool
	writing  bool
	writes   chan struct{} // if set, each write takes one token
	roused   func()        // if set, called when the reader has something to look at

	metered            atomic.Bool // the following is known
	byClient, bySystem atomic.Int64
}

// Progress implements engine.MeteredConn.
func (p *pipe) Progress() (taken, sent int64, ok bool) {
	return p.byClient.Load(), p.bySystem.Load(), p.metered.Load()
}

// closePatience is how long a pipe waits for a silent client's close frame.
const closePatience = 5 * time.Second

var errBroken = errors.New("pipe is broken")

func newPipe(t *testing.T) *pipe {
	p := &pipe{t: t}
	p.changed.L = &p.mu
	return p
}

// pipeEnd makes the engine's end of a pipe: the pipe itself, or one that can more.
var pipeEnd = func(p *pipe) engine.Conn { return p }

// ReadMessages implements engine.Conn.
func (p *pipe) ReadMessages(deliver func(binary bool, data []byte) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading {
		p.t.Error("two goroutines read")
	}
	p.reading = true
	defer func() { p.reading = false }()
	for len(p.in) == 0 || p.closed && !p.silent || p.aborted {
		switch {
		case p.aborted, p.closed && !p.silent:
			return io.EOF
		case p.inErr != nil && len(p.in) == 0:
			return p.inErr
		}
		p.changed.Wait()
	}
	return p.readBatch(deliver)
}

// readBatch delivers the first batch. p.mu is held.
func (p *pipe) readBatch(deliver func(binary bool, data []byte) error) error {
	for len(p.in[0]) > 0 && !p.aborted {
		m := p.in[0][0]
		p.in[0] = p.in[0][1:]
		if err := p.deliver(m, deliver); err != nil {
			p.trim()
			return err
		}
	}
	p.trim()
	if len(p.in) == 0 && p.inErr != nil { // the end came together with the last batch
		return p.inErr
	}
	return nil
}

func (p *pipe) trim() {
	if len(p.in[0]) == 0 {
		p.in = p.in[1:]
	}
}

// deliver hands the engine data that changes as soon as it is no longer valid.
func (p *pipe) deliver(m message, deliver func(binary bool, data []byte) error) error {
	p.mu.Unlock()
	defer p.mu.Lock()
	isBinary := m != "" && m[:1] == binaryPrefix
	data := []byte(m)
	if isBinary {
		data = data[1:]
	}
	defer func() {
		for i := range data {
			data[i] = '#'
		}
	}()
	return deliver(isBinary, data)
}

// WriteFrames implements engine.Conn.
func (p *pipe) WriteFrames(frames []*engine.Frame) error {
	if p.writes != nil {
		<-p.writes
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writing {
		p.t.Error("two goroutines write")
	}
	if len(frames) == 0 {
		p.t.Error("an empty batch is written")
	}
	p.writing = true
	defer func() { p.writing = false }()
	for p.stalled && !p.aborted {
		p.changed.Wait()
	}
	switch {
	case p.writeErr != nil:
		return p.writeErr
	case p.aborted:
		return errBroken
	}
	for _, f := range frames {
		m := message(f.Payload())
		if f.Binary() {
			m = binary(string(f.Payload()))
		} else if m == "6" {
			p.t.Error("a noop travels over a WebSocket")
		}
		p.out = append(p.out, m)
	}
	p.batches = append(p.batches, len(frames))
	p.stalled = p.stalled || p.onceOnly
	p.changed.Broadcast()
	return nil
}

// Close implements engine.Conn.
func (p *pipe) Close(int, string) {
	p.set(func() {
		if p.silent && !p.closed {
			time.AfterFunc(closePatience, p.Abort)
		}
		p.closed = true
	})
}

// Abort implements engine.Conn.
func (p *pipe) Abort() {
	p.set(func() { p.aborted = true })
}

func (p *pipe) set(change func()) {
	p.mu.Lock()
	change()
	p.changed.Broadcast()
	roused := p.roused
	p.mu.Unlock()
	if roused != nil {
		roused()
	}
}

// send sends messages that arrive together.
func (p *pipe) send(batch ...message) { p.set(func() { p.in = append(p.in, slices.Clone(batch)) }) }

// end lets the connection end behind what has been sent.
func (p *pipe) end(err error) { p.set(func() { p.inErr = err }) }

// sendAndEnd sends messages and lets the connection end with the last of them.
func (p *pipe) sendAndEnd(err error, batch ...message) {
	p.set(func() { p.in, p.inErr = append(p.in, batch), err })
}

func (p *pipe) stall()  { p.set(func() { p.stalled = true }) }
func (p *pipe) resume() { p.set(func() { p.stalled, p.onceOnly = false, false }) }

// letOneThrough resumes for one write.
func (p *pipe) letOneThrough()       { p.set(func() { p.stalled, p.onceOnly = false, true }) }
func (p *pipe) failWrites(err error) { p.set(func() { p.writeErr = err }) }

// next waits for the next message that the server writes.
func (p *pipe) next() message {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.taken == len(p.out) {
		if p.aborted || p.closed {
			return "(end)"
		}
		p.changed.Wait()
	}
	p.taken++
	return p.out[p.taken-1]
}

// rest returns what the server has written since.
func (p *pipe) rest() []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := slices.Clone(p.out[p.taken:])
	p.taken = len(p.out)
	return rest
}

// isClosed reports whether the server has said goodbye, or hung up.
func (p *pipe) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed || p.aborted
}

func (p *pipe) isAborted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.aborted
}

// written returns all that the server has written.
func (p *pipe) written() []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.out)
}
