package engine_test

import (
	"io"
	"slices"

	"github.com/kawat-go/kawat/core/engine"
)

// A promptPipe is a pipe that can be written to without waiting, unless it is
// stalled. It checks that FinishWrite is called, once, for what is left.
type promptPipe struct {
	*pipe
	left []*engine.Frame
}

func newPromptPipe(p *pipe) engine.Conn { return &promptPipe{pipe: p} }

// Prompt implements engine.PromptConn.
func (p *promptPipe) Prompt() bool { return true }

// TryWriteFrames implements engine.PromptConn.
func (p *promptPipe) TryWriteFrames(frames []*engine.Frame) (done bool, err error) {
	p.mu.Lock()
	if p.left != nil {
		p.t.Error("something is written before FinishWrite was called")
	}
	if p.stalled && !p.aborted || p.writes != nil {
		p.left = slices.Clone(frames)
		p.mu.Unlock()
		return false, nil
	}
	p.mu.Unlock()
	return true, p.pipe.WriteFrames(frames)
}

// FinishWrite implements engine.PromptConn.
func (p *promptPipe) FinishWrite() error {
	p.mu.Lock()
	left := p.left
	p.mu.Unlock()
	if left == nil {
		p.t.Error("FinishWrite is called for nothing")
	}
	err := p.pipe.WriteFrames(left)
	p.mu.Lock()
	p.left = nil
	p.mu.Unlock()
	return err
}

// A parkedPipe needs no goroutine while nothing comes.
type parkedPipe struct {
	promptPipe
	awake func()
	rests bool
	more  bool // is left to read, as the engine has been told
}

func newParkedPipe(p *pipe) engine.Conn {
	return &parkedPipe{promptPipe: promptPipe{pipe: p}}
}

// Park implements engine.ParkingConn.
func (p *parkedPipe) Park(awake func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.awake != nil {
		p.t.Error("parked twice")
	}
	p.awake, p.roused = awake, p.rouse
	go awake()
	return true
}

// rouse calls awake if that has rested and there is something to read.
func (p *parkedPipe) rouse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rests && p.something() {
		p.rests = false
		go p.awake()
	}
}

func (p *parkedPipe) something() bool {
	return len(p.in) > 0 || p.inErr != nil || p.aborted || p.closed && !p.silent
}

// ReadAvailable implements engine.ParkingConn.
func (p *parkedPipe) ReadAvailable(deliver func(binary bool, data []byte) error) (more bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading || p.rests {
		p.t.Errorf("read while another reads: %v, while at rest: %v", p.reading, p.rests)
	}
	p.reading = true
	defer func() { p.reading = false }()
	switch {
	case p.aborted, p.closed && !p.silent:
		return false, io.EOF
	case len(p.in) == 0:
		p.more = false
		return false, p.inErr
	}
	err = p.readBatch(deliver)
	p.more = len(p.in) > 0
	return p.more, err
}

// Rest implements engine.ParkingConn.
func (p *parkedPipe) Rest() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more {
		p.t.Error("rests although there is more to read")
	}
	if p.something() {
		return false
	}
	p.rests = true
	return true
}
