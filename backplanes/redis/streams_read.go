package redis

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/echo"
)

// A stream is one of Redis' streams: what writes to it, and the one that reads it for
// all namespaces.
type stream struct {
	node   *streamsNode
	name   string
	echoes *echo.Echoes
	writer *writer

	began   chan struct{} // closed when it is known where reading begins
	first   chan error    // why it could not begin, once
	ended   chan struct{} // closed when it is not read any more
	most    int           // entries are read at a time
	senders senders       // of the reader

	mu    sync.Mutex
	at    backplane.Offset // the reader has taken this entry, or will read what is behind it
	head  backplane.Offset // the host has taken this entry, and all before
	moved chan struct{}    // closed when head changes; nil if nobody waits
	down  time.Time        // since when it cannot be read
}

// How long a reader waits for an entry before it asks again, and how long the server
// has to answer that it has none. A server that is cut off without a word is noticed
// within the sum.
const (
	readBlock   = time.Second
	readTimeout = readBlock + linkTimeout
)

// After answers of more than readBytes fewer entries are read at a time.
const readBytes = 8 << 20

func newStream(n *streamsNode, name string) *stream {
	s := &stream{
		node: n, name: name, began: make(chan struct{}), first: make(chan error, 1),
		ended: make(chan struct{}), most: n.cfg.ReadCount, senders: make(senders),
	}
	s.echoes = echo.New(echo.Config{Give: n.echoed, Patience: n.cfg.EchoPatience})
	s.writer = newWriter(n.cfg, name, n.bus, s.position, s.echoes.Fail)
	go s.run()
	return s
}

// publish queues a message, and has it given back if it asks for that.
func (s *stream) publish(m backplane.Message) error {
	data, err := s.writer.encode(m)
	if err != nil {
		return err
	}
	return s.echoes.Send(m, func(number uint64) error {
		return s.writer.queue(m, data, strconv.FormatUint(number, 10))
	})
}

func (s *stream) position() backplane.Offset {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *stream) move(at backplane.Offset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = at
}

// taken notes that the host has taken all up to an entry.
func (s *stream) taken(at backplane.Offset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = at
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

// run reads until the node is closed. A host that ends the goroutine does not end
// that.
func (s *stream) run() {
	done := false
	defer func() {
		if v := recover(); v != nil {
			s.node.host.Logger.Error("backplane: a host panicked", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		}
		if !done {
			go s.run()
			return
		}
		s.writer.close()
		close(s.ended)
	}()
	ctx := s.node.ctx
	for failures := 0; ctx.Err() == nil; failures++ {
		read, err := s.read(ctx)
		if ctx.Err() != nil {
			break
		}
		if read {
			failures = 0
		}
		s.failed(err)
		pause(ctx, min(retryLeast<<min(failures, 10), retryMost/2))
		s.node.bus.moved(ctx)
	}
	done = true
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// read reads over one connection until it fails. It reports whether that has worked
// for a while.
func (s *stream) read(ctx context.Context) (worked bool, err error) {
	l, err := s.node.bus.linkTo(ctx, s.name, readTimeout)
	if err != nil {
		return false, err
	}
	defer l.close()
	if err := s.begin(ctx, l); err != nil {
		return false, err
	}
	s.mended()
	for {
		before := s.position()
		raw, err := l.ask(ctx, "xread", "count", s.most, "block", readBlock.Milliseconds(), "streams", s.name, before.String())
		if err != nil {
			return worked, err
		}
		worked = true
		entries, err := parseRead(raw)
		if err != nil {
			return true, err
		}
		if err := s.check(ctx, l, before, len(entries)); err != nil {
			return true, err
		}
		for i := range entries {
			s.move(entries[i].id)
			s.take(&entries[i])
			s.taken(entries[i].id)
		}
		s.adapt(len(raw), len(entries))
	}
}

// adapt has fewer entries read at a time if they are large.
func (s *stream) adapt(size, entries int) {
	switch {
	case size > readBytes:
		s.most = max(1, min(s.most, entries)/2)
	case size < readBytes/4:
		s.most = min(2*s.most, s.node.cfg.ReadCount)
	}
}

// begin finds out where to read from: at first the end of the stream, later where
// reading has ended.
func (s *stream) begin(ctx context.Context, l asker) error {
	at := s.position()
	end, err := last(ctx, l, s.name)
	switch {
	case err != nil:
		return err
	case at.IsZero():
		return s.beginAt(ctx, l, end)
	case end.Compare(at) < 0:
		return s.goBack(ctx, l, at, end)
	}
	return s.checkTrimmed(ctx, l, at)
}

// goBack reads on behind the end of a stream that ends before what was read here. The
// server has lost that, so it may have lost other things, too. What it has is older, if
// there is anything.
func (s *stream) goBack(ctx context.Context, l asker, at, end backplane.Offset) error {
	s.gap(fmt.Errorf("redis: the stream %q had been read up to %s, and ends with %s", s.name, at, end))
	if end.IsZero() {
		if _, err := s.mark(ctx, l); err != nil {
			return err
		}
		end.Minor = 1 // before all that the server makes
	}
	s.move(end)
	s.taken(end)
	return nil
}

// check looks for what is lost while the connection holds, by how many entries have
// come. Where there are many, there may have been more of them. Where there are none, a
// stream that was deleted may have begun anew with ids before those that were read: the
// server's clock was set back.
func (s *stream) check(ctx context.Context, l asker, at backplane.Offset, came int) error {
	switch {
	case came >= min(s.most, 100):
		return s.checkTrimmed(ctx, l, at)
	case came > 0:
		return nil
	}
	end, err := last(ctx, l, s.name)
	if err == nil && end.Compare(at) < 0 {
		err = s.goBack(ctx, l, at, end)
	}
	return err
}

// beginAt begins behind an entry.
func (s *stream) beginAt(ctx context.Context, l asker, at backplane.Offset) (err error) {
	if at.IsZero() {
		if at, err = s.mark(ctx, l); err != nil {
			return err
		}
	}
	s.move(at)
	s.taken(at)
	close(s.began)
	return nil
}

// mark makes an entry that says nothing in a stream that has none, so that clients who
// have seen nothing after that can be told what they have missed.
func (s *stream) mark(ctx context.Context, l asker) (at backplane.Offset, err error) {
	raw, err := l.ask(ctx, "xadd", s.name, "maxlen", "~", s.node.cfg.MaxLen, "*", fieldFrom, s.node.id)
	if err != nil {
		return at, err
	}
	r := reply{b: raw}
	at, ok := parseID(r.text())
	if !ok {
		return at, errReply
	}
	return at, nil
}

// last returns the id of a stream's last entry, zero if there is none.
func last(ctx context.Context, a asker, name string) (backplane.Offset, error) {
	raw, err := a.ask(ctx, "xrevrange", name, "+", "-", "count", 1)
	if err != nil {
		return backplane.Offset{}, err
	}
	entries, err := parseRange(raw)
	if err != nil || len(entries) == 0 {
		return backplane.Offset{}, err
	}
	return entries[0].id, nil
}

// checkTrimmed tells of a gap if an entry that was read is kept no more: then others
// may have been trimmed before they were read.
func (s *stream) checkTrimmed(ctx context.Context, l asker, at backplane.Offset) error {
	is, err := kept(ctx, l, s.name, at)
	if err == nil && !is {
		s.gap(fmt.Errorf("redis: the stream %q is kept no more from %s on, where it had been read to: is MaxLen large enough?", s.name, at))
	}
	return err
}

// kept reports whether a stream has an entry.
func kept(ctx context.Context, a asker, name string, at backplane.Offset) (bool, error) {
	raw, err := a.ask(ctx, "xrange", name, at.String(), at.String(), "count", 1)
	if err != nil {
		return false, err
	}
	entries, err := parseRange(raw)
	return len(entries) == 1, err
}

func (s *stream) gap(err error) {
	s.node.bus.tell(backplane.Event{Kind: backplane.Gap, Lost: -1, Err: streamError{err}})
}

// failed notes that the stream cannot be read.
func (s *stream) failed(err error) {
	s.echoes.Fail()
	select {
	case s.first <- err:
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down.IsZero() {
		s.down = time.Now()
		s.node.bus.tell(backplane.Event{Kind: backplane.Down, Err: err})
	}
}

// cut reports whether the stream cannot be read.
func (s *stream) cut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.down.IsZero()
}

// mended notes that it can be read again.
func (s *stream) mended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down.IsZero() {
		s.node.bus.tell(backplane.Event{Kind: backplane.Up, For: time.Since(s.down)})
		s.down = time.Time{}
	}
}

// take gives an entry to the host, if it is for it.
func (s *stream) take(e *entry) {
	n := s.node
	if len(e.namespace) == 0 {
		return // it marks a place
	}
	who, number, numbered := numbering(e)
	if string(e.from) == n.id {
		if numbered {
			s.echoes.Met(number, e.id)
		}
		return
	}
	if numbered {
		repeated, lost := s.senders.met(who, number, e.id)
		if lost {
			s.gap(fmt.Errorf("redis: the stream %q has lost entries of %.70q before %s", s.name, who, e.id))
		}
		if repeated {
			return
		}
	}
	if !n.isOpen(string(e.namespace)) {
		return
	}
	if len(e.data) > n.cfg.MaxMessageBytes*4/3+4 {
		n.ignored(fmt.Errorf("redis: an entry of %d bytes is longer than Config.MaxMessageBytes", len(e.data)))
		return
	}
	m, err := n.entries.decode(s.name, e)
	if err != nil {
		n.ignored(err)
		return
	}
	m.From = s.senders.name(e.from)
	n.give(m)
}

// passed waits until the host has taken what is in the stream now.
func (s *stream) passed(ctx context.Context) {
	var at backplane.Offset
	err := within(ctx, func() error {
		server, err := s.node.bus.serverFor(ctx, s.name)
		if err == nil {
			at, err = last(ctx, server, s.name)
		}
		return err
	})
	for err == nil {
		s.mu.Lock()
		if s.moved == nil {
			s.moved = make(chan struct{})
		}
		head, moved := s.head, s.moved
		s.mu.Unlock()
		if head.Compare(at) >= 0 {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}
