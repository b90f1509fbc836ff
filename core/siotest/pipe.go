package siotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A pipe is a WebSocket without a network. The server has one end, an
// [engine.Conn], and the client the other, a transport.
type pipe struct {
	writeTimeout time.Duration
	served       chan struct{} // closed when the server is through

	mu      sync.Mutex
	changed *sync.Cond
	in      [][]any // messages of the client, those together that arrive together
	pending int     // how many messages those are
	idle    bool    // the server waits for messages, and so has handled those before
	out     []any   // messages of the server
	stalled bool
	left    bool // the client has closed
	closed  bool // the server has closed, or either side has dropped it
}

// openPipe opens a WebSocket: of a session that polls, or of a new one.
func openPipe(server *engine.Server, opts Options, sid string) (*pipe, error) {
	r := request(server, opts, "GET", engine.WebSocket)
	if sid != "" {
		r.RawQuery += "&sid=" + sid
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-Websocket-Version", "13")
	r.Header.Set("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	upgrade, reply := server.AcceptUpgrade(context.Background(), r)
	if upgrade == nil {
		return nil, fmt.Errorf("the handshake was refused: %d %s", reply.Status, reply.Body)
	}
	p := &pipe{writeTimeout: upgrade.WebSocket().WriteTimeout, served: make(chan struct{})}
	p.changed = sync.NewCond(&p.mu)
	go func() {
		defer close(p.served)
		upgrade.Serve(p)
	}()
	return p, nil
}

// ReadMessages implements [engine.Conn].
func (p *pipe) ReadMessages(deliver func(binary bool, data []byte) error) error {
	p.mu.Lock()
	for len(p.in) == 0 && !p.left && !p.closed {
		if !p.idle {
			p.idle = true
			p.changed.Broadcast()
		}
		p.changed.Wait()
	}
	p.idle = false
	if p.closed || len(p.in) == 0 {
		p.mu.Unlock()
		return io.EOF
	}
	batch := p.in[0]
	p.in = p.in[1:]
	p.mu.Unlock()
	for _, m := range batch {
		p.mu.Lock()
		p.pending--
		p.mu.Unlock()
		if err := deliverTo(deliver, m); err != nil {
			return err
		}
	}
	return nil
}

// deliverTo hands over a message in memory that does not stay valid, so that a
// server which keeps it is found out.
func deliverTo(deliver func(binary bool, data []byte) error, m any) error {
	text, isText := m.(string)
	data, _ := m.([]byte)
	data = append([]byte(text), data...)
	defer func() {
		for i := range data {
			data[i] = '#'
		}
	}()
	return deliver(!isText, data)
}

var errWriteTimeout = errors.New("siotest: the client has stalled for longer than the write timeout")

// WriteFrames implements [engine.Conn].
func (p *pipe) WriteFrames(frames []*engine.Frame) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled && !p.closed {
		deadline := time.Now().Add(p.writeTimeout)
		timer := time.AfterFunc(p.writeTimeout, func() { p.set(func() {}) })
		defer timer.Stop()
		for p.stalled && !p.closed {
			if !time.Now().Before(deadline) {
				return errWriteTimeout
			}
			p.changed.Wait()
		}
	}
	if p.closed || p.left {
		return io.ErrClosedPipe
	}
	for _, f := range frames {
		if f.Binary() {
			p.out = append(p.out, slices.Clone(f.Payload()))
		} else {
			p.out = append(p.out, string(f.Payload()))
		}
	}
	p.changed.Broadcast()
	return nil
}

// Close implements [engine.Conn]. The client answers at once.
func (p *pipe) Close(int, string) { p.Abort() }

// Abort implements [engine.Conn].
func (p *pipe) Abort() { p.set(func() { p.closed = true }) }

func (p *pipe) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
}

func (p *pipe) send(messages []any) {
	p.set(func() {
		p.in = append(p.in, messages)
		p.pending += len(messages)
	})
}

func (p *pipe) receive() (messages []any, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.out) == 0 && !p.closed && !p.left {
		p.changed.Wait()
	}
	messages, p.out = p.out, nil
	return messages, len(messages) > 0 || !p.closed && !p.left
}

// handled waits until the server has handled what was sent, or the time is up.
func (p *pipe) handled(timeout time.Duration) bool {
	late := false
	timer := time.AfterFunc(timeout, func() { p.set(func() { late = true }) })
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for (!p.idle || len(p.in) > 0) && !p.closed && !p.left && !late {
		p.changed.Wait()
	}
	return !late
}

func (p *pipe) close() { p.set(func() { p.left = true }) }
func (p *pipe) abort() { p.Abort() }

func (p *pipe) stall(stalled bool) { p.set(func() { p.stalled = stalled }) }

func (p *pipe) unread() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pending
}

func (p *pipe) wait() { <-p.served }
