package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

var errCancelled = errors.New("relay: the client has gone")

const (
	// headGrace is how long a small body may be on its way before the request is sent
	// without it: two of a client at a time are against the rules, which the owner has
	// to see.
	headGrace = 50 * time.Millisecond
	// small is the most bytes of a body that is sent without being asked for.
	small = 16 << 10
)

// Serve implements [engine.Router].
func (x *Relay) Serve(ctx context.Context, id string, r *engine.Request) (engine.Reply, error) {
	st, err := x.begin(ctx, id, r.Method == "GET", false)
	if err != nil {
		return engine.Reply{}, err
	}
	x.stats.waiting.Add(1)
	defer x.stats.waiting.Add(-1)
	if r.Body == nil {
		st.ask(r, isWhole, nil)
	} else if err := st.sendBody(ctx, r); errors.Is(err, os.ErrDeadlineExceeded) || st.hasReply() {
		// net/http cancels the request's context when its body is late, or when the
		// reading of it is interrupted. The owner's answer is there, or about to come.
		ctx = context.WithoutCancel(ctx)
	}
	return st.awaitReply(ctx)
}

// begin opens a stream to the node that has a session.
func (x *Relay) begin(ctx context.Context, id string, polls, upgrades bool) (*stream, error) {
	node, ok := x.owner(ctx, id)
	if !ok {
		return nil, engine.ErrNoSession
	}
	st, err := x.open(node, id, polls, upgrades)
	if err == nil {
		x.stats.sent.Add(1)
	}
	return st, err
}

// ask sends the request, with its body or the beginning of it.
func (st *stream) ask(r *engine.Request, flags byte, body []byte) {
	if r.Secure {
		flags |= isSecure
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.failed != nil {
		return
	}
	m := append(appendRequest(append(st.message(request, 256+len(body)), flags), r), body...)
	if st.post(m) == nil {
		st.count(len(body))
	}
}

// sendBody sends a request with a body: in one message where that is small, and here
// at once. It returns the error that the reading or the sending of it has ended with.
func (st *stream) sendBody(ctx context.Context, r *engine.Request) error {
	asks := r.ContentLength < 0 || r.ContentLength > small
	if asks {
		st.ask(r, waits, nil)
		if !st.awaitGoOn(ctx) {
			return nil
		}
	}
	reading := &reading{request: r}
	defer reading.end()
	defer context.AfterFunc(ctx, reading.interrupt)()
	defer st.onArrival(func() {
		if st.hasReply() {
			reading.interrupt()
		}
	})()
	if asks {
		return st.streamBody(r, reading)
	}
	var once sync.Once
	first := func(flags byte, body []byte) (sent bool) {
		once.Do(func() { st.ask(r, flags, body); sent = true })
		return sent
	}
	head := *r // its fields are the engine's only as long as the request is served
	timer := time.AfterFunc(headGrace, func() {
		once.Do(func() { st.ask(&head, 0, nil) })
	})
	defer timer.Stop()
	body, err := io.ReadAll(r.Body)
	reading.end()
	if err == nil && int64(len(body)) == r.ContentLength && first(isWhole, body) {
		return nil
	}
	first(0, nil)
	if st.write(body, st.relay.cfg.Server.WriteTimeout()) == nil {
		st.sendEnd(endOf(err))
	}
	return err
}

// A reading of a body can be interrupted as long as it lasts: behind a request's end its
// functions may already be about another request, of somebody else.
type reading struct {
	mu      sync.Mutex
	request *engine.Request // nil when it is over
}

// interrupt ends the reading of a body that nobody waits for any more.
func (b *reading) interrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.request != nil && b.request.SetReadDeadline != nil {
		_ = b.request.SetReadDeadline(time.Unix(1, 0))
	}
}

func (b *reading) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.request = nil
}

// streamBody sends the body as it comes, until there is a reply.
func (st *stream) streamBody(r *engine.Request, reading *reading) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if err != nil {
			reading.end()
		}
		if st.hasReply() {
			return nil
		}
		if failed := st.write(buf[:n], st.relay.cfg.Server.WriteTimeout()); failed != nil {
			return failed
		}
		if err != nil {
			st.sendEnd(endOf(err))
			return err
		}
	}
}

// onArrival has f called when something arrives, until stop is called.
func (st *stream) onArrival(f func()) (stop func()) {
	st.mu.Lock()
	st.notify = f
	st.mu.Unlock()
	f()
	return func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.notify = nil
	}
}

// hasReply reports whether there is an answer, or will be none.
func (st *stream) hasReply() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.reply != nil || st.failed != nil
}

// endOf returns how a body has ended.
func endOf(err error) byte {
	switch {
	case err == nil, err == io.EOF:
		return endWell
	case errors.Is(err, engine.ErrTooLarge):
		return endLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return endLate
	}
	return endCut
}

func (st *stream) sendEnd(how byte) { st.sendEnding(ending{how: how}) }

func (st *stream) sendEnding(e ending) {
	st.send(upEnd, appendText(binary.AppendUvarint([]byte{e.how}, uint64(e.code)), e.text))
}

// awaitGoOn waits until the owner wants the body, and reports false if it does not.
func (st *stream) awaitGoOn(ctx context.Context) bool {
	for {
		st.mu.Lock()
		goesOn, over := st.goesOn, st.reply != nil || st.failed != nil
		st.mu.Unlock()
		if goesOn || over {
			return goesOn && !over
		}
		select {
		case <-st.arrived:
		case <-ctx.Done():
			return false
		}
	}
}

// awaitReply waits for the reply, and ends the stream.
func (st *stream) awaitReply(ctx context.Context) (engine.Reply, error) {
	var body []byte
	for {
		st.mu.Lock()
		r, whole, failed := st.reply, st.whole, st.failed
		st.mu.Unlock()
		for chunk := st.read(); chunk != nil; chunk = st.read() {
			if st.took(len(chunk)); body == nil {
				body = chunk[:len(chunk):len(chunk)] // what is behind it may be somebody else's
			} else {
				body = append(body, chunk...)
			}
		}
		switch {
		case r != nil && whole:
			st.finish(errReleased)
			r.Body = body
			return *r, nil
		case failed != nil:
			return engine.Reply{}, engine.ErrNoSession
		case int64(len(body)) > st.relay.cfg.MaxBytes:
			st.fail(errWindow)
			return engine.Reply{}, engine.ErrNoSession
		}
		select {
		case <-st.arrived:
		case <-ctx.Done():
			st.finish(errCancelled)
			return engine.Reply{Status: 400, Header: engine.Header{}}, nil
		}
	}
}

// Accept implements [engine.Router].
func (x *Relay) Accept(ctx context.Context, id string, r *engine.Request) (engine.Tunnel, engine.Reply, error) {
	st, err := x.begin(ctx, id, false, true)
	if err != nil {
		return nil, engine.Reply{}, err
	}
	x.stats.waiting.Add(1)
	defer x.stats.waiting.Add(-1)
	st.ask(r, isUpgrade, nil)
	if st.awaitAccepted(ctx) {
		return newTunnel(st), engine.Reply{}, nil
	}
	reply, err := st.awaitReply(ctx)
	return nil, reply, err
}

// awaitAccepted waits for the owner's decision, and reports whether it is yes.
func (st *stream) awaitAccepted(ctx context.Context) bool {
	for {
		st.mu.Lock()
		yes, no := st.accepted, st.reply != nil || st.failed != nil
		st.mu.Unlock()
		if yes || no {
			return yes && !no
		}
		select {
		case <-st.arrived:
		case <-ctx.Done():
			return false
		}
	}
}
