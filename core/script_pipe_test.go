package socketio_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A wireMessage is one message of a scriptPipe.
type wireMessage struct {
	binary bool
	data   string
}

// The kinds of connections that hosts hand to the engine.
const (
	plainPipe  = iota // has a reader, and waits when it writes
	promptPipe        // has a reader, and does not wait
	parkedPipe        // has no reader while nothing comes, and does not wait
	pipeKinds
)

// A scriptPipe is a WebSocket without a network, whose client does what a script
// says. What the server writes is given to take as it is written. It complains of
// what the engine must not do to a connection.
type scriptPipe struct {
	kind     int
	complain func(format string, args ...any)
	take     func(m wireMessage)
	deaf     bool // a close frame is not answered

	mu      sync.Mutex
	changed *sync.Cond
	in      [][]wireMessage // in batches that arrive together
	gone    bool            // the client has left
	closed  bool            // the server has said goodbye
	aborted bool
	stalled bool
	slow    []*engine.Frame // that TryWriteFrames has left
	reading bool
	writing bool
	awake   func() // nil unless the connection is parked
	resting bool
}

// writeTimeout is that of the hosts.
const writeTimeout = 10 * time.Second

func newScriptPipe(kind int, complain func(string, ...any), take func(wireMessage)) *scriptPipe {
	p := &scriptPipe{kind: kind, complain: complain, take: take}
	p.changed = sync.NewCond(&p.mu)
	return p
}

func (p *scriptPipe) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
	if p.resting && (len(p.in) > 0 || p.ended()) {
		p.resting = false
		go p.awake()
	}
}

// ended is called with p.mu held.
func (p *scriptPipe) ended() bool { return p.gone || p.aborted || p.closed && !p.deaf }

func (p *scriptPipe) send(batch ...wireMessage) {
	p.set(func() { p.in = append(p.in, slices.Clone(batch)) })
}

func (p *scriptPipe) leave()             { p.set(func() { p.gone = true }) }
func (p *scriptPipe) stall(stalled bool) { p.set(func() { p.stalled = stalled }) }

func (p *scriptPipe) isOver() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended()
}

// ReadMessages implements [engine.Conn].
func (p *scriptPipe) ReadMessages(deliver func(binary bool, data []byte) error) error {
	p.mu.Lock()
	for len(p.in) == 0 && !p.ended() {
		p.changed.Wait()
	}
	p.mu.Unlock()
	_, err := p.read(deliver)
	return err
}

// ReadAvailable implements [engine.ParkingConn].
func (p *scriptPipe) ReadAvailable(deliver func(binary bool, data []byte) error) (more bool, err error) {
	return p.read(deliver)
}

// read delivers what has arrived together.
func (p *scriptPipe) read(deliver func(binary bool, data []byte) error) (more bool, err error) {
	p.mu.Lock()
	if p.reading {
		p.complain("two goroutines read a connection")
	}
	p.reading = true
	var batch []wireMessage
	switch {
	case p.aborted, p.closed && !p.deaf:
		err = io.EOF
	case len(p.in) > 0:
		batch, p.in = p.in[0], p.in[1:]
	case p.gone:
		err = io.EOF
	}
	p.mu.Unlock()
	for _, m := range batch {
		data := []byte(m.data)
		if err = deliver(m.binary, data); err != nil {
			break
		}
		for i := range data { // it is not valid any more
			data[i] = '#'
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading = false
	return len(p.in) > 0, err
}

// Park implements [engine.ParkingConn].
func (p *scriptPipe) Park(awake func()) bool {
	if p.kind != parkedPipe {
		return false
	}
	p.awake = awake
	p.set(func() { p.resting = true })
	return true
}

// Rest implements [engine.ParkingConn].
func (p *scriptPipe) Rest() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting = len(p.in) == 0 && !p.ended()
	return p.resting
}

// Prompt implements [engine.PromptConn].
func (p *scriptPipe) Prompt() bool { return p.kind != plainPipe }

var (
	errScriptCut   = errors.New("the script has cut the connection")
	errScriptStall = errors.New("the client has not read for longer than the write timeout")
)

// WriteFrames implements [engine.Conn].
func (p *scriptPipe) WriteFrames(frames []*engine.Frame) error { return p.write(frames, true) }

// TryWriteFrames implements [engine.PromptConn].
func (p *scriptPipe) TryWriteFrames(frames []*engine.Frame) (done bool, err error) {
	p.mu.Lock()
	stalled := p.stalled && !p.ended()
	if stalled {
		p.slow = slices.Clone(frames)
	}
	p.mu.Unlock()
	if stalled {
		return false, nil
	}
	return true, p.write(frames, true)
}

// FinishWrite implements [engine.PromptConn].
func (p *scriptPipe) FinishWrite() error {
	frames := p.slow
	p.slow = nil
	return p.write(frames, false)
}

func (p *scriptPipe) write(frames []*engine.Frame, fresh bool) error {
	p.mu.Lock()
	if p.writing || fresh && p.slow != nil {
		p.complain("two goroutines write to a connection")
	}
	if len(frames) == 0 {
		p.complain("an empty batch is written")
	}
	p.writing = true
	err := p.awaitReader()
	if p.aborted || p.gone {
		err = errScriptCut
	}
	p.writing = false
	p.mu.Unlock()
	if err != nil {
		return err
	}
	for _, f := range frames {
		p.take(wireMessage{f.Binary(), string(f.Payload())})
	}
	return nil
}

// awaitReader waits until the client reads. The caller holds p.mu.
func (p *scriptPipe) awaitReader() error {
	if !p.stalled || p.ended() {
		return nil
	}
	deadline := time.Now().Add(writeTimeout)
	timer := time.AfterFunc(writeTimeout, func() { p.set(func() {}) })
	defer timer.Stop()
	for p.stalled && !p.ended() {
		if !time.Now().Before(deadline) {
			return errScriptStall
		}
		p.changed.Wait()
	}
	return nil
}

// Close implements [engine.Conn].
func (p *scriptPipe) Close(int, string) {
	p.set(func() {
		if p.deaf && !p.closed && !p.aborted {
			time.AfterFunc(5*time.Second, p.Abort)
		}
		p.closed = true
	})
}

// Abort implements [engine.Conn].
func (p *scriptPipe) Abort() { p.set(func() { p.aborted = true }) }

// String returns the message in quotes, not all of a long one.
func (m wireMessage) String() string {
	if m.binary {
		return fmt.Sprintf("binary %.100q", m.data)
	}
	return fmt.Sprintf("%.100q", m.data)
}
