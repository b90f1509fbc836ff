package relay

import (
	"context"
	"encoding/binary"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// requested takes a request that has come to another node.
func (x *Relay) requested(from string, id uint64, p *parser) {
	flags := p.byte()
	r := p.request()
	if p.err != nil {
		return
	}
	st := x.admit(from, id)
	if st == nil {
		p.fail()
		return
	}
	x.stats.served.Add(1)
	query, _ := url.ParseQuery(r.RawQuery)
	r.Secure = flags&isSecure != 0
	st.mu.Lock()
	st.expects = 1
	st.session = query.Get("sid")
	st.polls = r.Method == "GET"
	err := st.add(p.rest)
	if flags&isWhole != 0 {
		st.ended = &ending{how: endWell}
	}
	var ctx context.Context
	ctx, st.cancel = context.WithCancel(context.Background())
	st.mu.Unlock()
	if err != nil {
		st.fail(err)
		return
	}
	if flags&isUpgrade != 0 {
		go st.accept(r)
		return
	}
	if r.Method == "POST" {
		b := &body{stream: st, asks: flags&waits != 0}
		r.Body, r.SetReadDeadline = b, b.setDeadline
	}
	go st.serve(ctx, r)
}

// serve serves the request. What the program runs there may end the goroutine.
func (st *stream) serve(ctx context.Context, r *engine.Request) {
	defer func() {
		if !st.hasReplied() {
			st.fail(errUnserved)
		}
	}()
	reply := st.relay.cfg.Server.ServeRouted(ctx, r)
	if err := st.sendReply(reply); err != nil && st.polls && reply.Status == 200 {
		// What the session has given for the client is gone.
		st.relay.cfg.Server.EndRouted(st.session, err)
	}
}

func (st *stream) hasReplied() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.replied
}

// sendReply sends the reply, and ends the stream.
func (st *stream) sendReply(r engine.Reply) error {
	st.mu.Lock()
	st.replied = true
	if st.failed != nil {
		defer st.mu.Unlock()
		return st.failed
	}
	begin, flags := r.Body, byte(isComplete)
	if len(begin) > piece || !st.peer.mayTake(len(begin), false) {
		begin, flags = nil, 0
	}
	m := append(st.message(reply, 128+len(begin)), flags)
	m = append(appendHeader(binary.AppendUvarint(m, uint64(r.Status)), r.Header), begin...)
	err := st.post(m)
	if err == nil {
		st.count(len(begin))
	}
	st.mu.Unlock()
	if err == nil && flags == 0 {
		if err = st.write(r.Body, st.relay.cfg.Server.WriteTimeout()); err == nil {
			st.send(downEnd, nil)
			err = st.err()
		}
	}
	if err != nil {
		st.fail(err)
		return err
	}
	st.finish(errReleased)
	return nil
}

// accept decides about a WebSocket.
func (st *stream) accept(r *engine.Request) {
	u, reply := st.relay.cfg.Server.AcceptRouted(r)
	if u == nil {
		_ = st.sendReply(reply)
		return
	}
	st.mu.Lock()
	if st.failed == nil {
		st.upgrade, st.conn = u, newConn(st)
		_ = st.post(st.message(accepted, 0))
	}
	failed := st.failed
	st.mu.Unlock()
	if failed != nil {
		u.Cancel()
	}
}

// startHere begins what accept has allowed. The caller holds st.mu.
func (st *stream) startHere() {
	if st.upgrade == nil || st.conn.started {
		return
	}
	st.conn.started = true
	st.upgrade.Start(st.conn)
}

// moveOn lets the client go to another node than the door. The caller holds st.mu.
func (st *stream) moveOn() {
	switch u := st.upgrade; {
	case u != nil:
		go u.Leave()
	case st.polls:
		go st.relay.cfg.Server.ReleasePoll(st.session)
	}
}

// A body is that of a request which has come to another node.
type body struct {
	stream *stream
	asks   bool // for it to be sent
	rest   []byte

	// Guarded by the stream's mu.
	deadline time.Time
}

// setDeadline has Read fail when the time has come.
func (b *body) setDeadline(at time.Time) error {
	b.stream.mu.Lock()
	b.deadline = at
	b.stream.mu.Unlock()
	wake(b.stream.arrived)
	return nil
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	st := b.stream
	if b.asks {
		b.asks = false
		st.send(goOn, nil)
	}
	for len(b.rest) == 0 {
		st.mu.Lock()
		failed, ended, deadline := st.failed, st.ended, b.deadline
		st.mu.Unlock()
		if b.rest = st.read(); b.rest != nil {
			break
		}
		switch {
		case ended != nil:
			return 0, ended.error()
		case failed != nil:
			return 0, io.ErrUnexpectedEOF
		}
		if !st.waitUntil(deadline) {
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	st.took(n)
	return n, nil
}

// waitUntil waits for something to arrive. It reports false if the time has come before.
func (st *stream) waitUntil(deadline time.Time) bool {
	if deadline.IsZero() {
		<-st.arrived
		return true
	}
	left := time.Until(deadline)
	if left <= 0 {
		return false
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-st.arrived:
		return true
	case <-timer.C:
		return false
	}
}

// error returns what the reading of a body ends with.
func (e *ending) error() error {
	switch e.how {
	case endWell:
		return io.EOF
	case endLate:
		return os.ErrDeadlineExceeded
	case endLarge:
		return engine.ErrTooLarge
	}
	return io.ErrUnexpectedEOF
}
