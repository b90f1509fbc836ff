package socketio

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A move is what a socket knows that goes on with a session which was restored.
type move struct {
	session backplane.Session
	seen    backplane.Offset // the last event that the client knows
	last    backplane.Offset // it is sent everything up to here
	sent    backplane.Offset // the last event that it is sent
	tail    int64            // where what comes behind it begins
	reading bool             // the tail is open
	before  *Socket          // the one that had the session, if it was of this node
	size    int              // of what is replayed
}

const (
	restoreTime = 3 * time.Second // how long a client that comes back waits to be recovered
	maxPID      = 64              // bytes; ours have 20, and Node's too
	maxSearched = 16              // times that it is looked for
)

// file gives a socket that is about to connect its session: the one that the client
// asks to go on with, if that can be, or a new one.
func (l *sharedLog) file(s *Socket, c claim, asks bool) {
	s.settled = make(chan struct{})
	if asks && l.restore(s, c) {
		return
	}
	n := l.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	if asks {
		n.history.refused++
	}
	s.session = &session{namespace: n, pid: engine.NewID(), ready: make(chan struct{}), moves: newMoves()}
	if s.gone() {
		l.conclude(s.session)
	}
}

// restore gives a socket the session that its client asks to go on with, wherever that
// is, and reports whether it could.
func (l *sharedLog) restore(s *Socket, c claim) bool {
	var seen backplane.Offset
	if c.Offset != nil {
		var err error
		if seen, err = backplane.ParseOffset(*c.Offset); err != nil {
			return false
		}
	}
	if len(c.PID) > maxPID {
		return false
	}
	ctx, cancel := context.WithTimeout(s.Context(), restoreTime)
	defer cancel()
	if !l.awaitHead(ctx) {
		return false
	}
	m := &move{seen: seen, reading: true}
	n := l.namespace
	n.mu.Lock()
	m.tail = l.tail.open()
	n.mu.Unlock()
	taken := false
	defer func() {
		if !taken {
			n.mu.Lock()
			defer n.mu.Unlock()
			l.stopReading(m)
		}
	}()
	var missed []backplane.Message
	var err error
	found := true
	for range maxSearched {
		m.before = l.evict(ctx, c.PID)
		m.session, missed, err = l.node.RestoreSession(ctx, n.name, c.PID, seen)
		if !errors.Is(err, backplane.ErrNoSession) || !found {
			break
		}
		// It is tried again also where nobody has it: it may have been on its way to be
		// saved just now. Where one had it, another who asks may have been faster.
		found = l.cluster.search(ctx, n.name, c.PID)
	}
	if err != nil {
		if !errors.Is(err, backplane.ErrNoSession) && ctx.Err() == nil {
			n.server.say(ctx, lineRestore, slog.LevelWarn, "a session could not be restored: its client starts anew",
				"namespace", logName(n.name), "error", logError{err})
		}
		return false
	}
	taken = l.take(s, m, missed)
	return taken
}

// awaitHead waits until it is known from where on this node delivers: what comes before
// that has to be restored. It is known from soon after the namespace's beginning.
func (l *sharedLog) awaitHead(ctx context.Context) bool {
	for l.node.Head(l.namespace.name).IsZero() {
		timer := time.NewTimer(10 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
	return true
}

// stopReading closes the tail for who needs it no more. The caller holds namespace.mu.
func (l *sharedLog) stopReading(m *move) {
	if m.reading {
		m.reading = false
		l.tail.close()
	}
}

// evict ends the socket of this node that has a session, if there is one, and waits
// until the session can be restored. It returns who had it last, if the program is yet
// to hear of that one's end.
func (l *sharedLog) evict(ctx context.Context, pid string) (before *Socket) {
	n := l.namespace
	n.mu.Lock()
	wanted := n.history.sessions[pid]
	if wanted == nil {
		wanted = l.leaving[pid]
	}
	var holder *Socket
	if wanted != nil {
		holder = wanted.holder
	}
	n.mu.Unlock()
	if holder != nil && holder.conn != nil {
		holder.conn.session.Abort()
	}
	if wanted != nil {
		select {
		case <-wanted.kept:
		case <-ctx.Done():
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return l.settling[pid]
}

// take lets a socket go on with a session that was restored, unless it has missed too
// much, and reports whether it does.
func (l *sharedLog) take(s *Socket, m *move, missed []backplane.Message) bool {
	n := l.namespace
	frames, repeated, fits := l.replayed(m, missed)
	data, err := n.server.unpackState(m.session.Data)
	if !fits || err != nil || m.session.ID == "" {
		return false
	}
	marks := backplane.Marks{Start: m.seen}
	if m.session.Marks != nil {
		marks = *m.session.Marks
		if marks.Start.Compare(m.seen) < 0 && m.seen.Compare(marks.Sent) <= 0 {
			marks.Start = m.seen // it will not claim to have seen less
		}
	}
	if marks.Repeated += repeated; marks.Repeated > repeats*n.history.queue.MaxQueuedBytes {
		return false
	}
	if m.sent = m.seen; len(missed) > 0 {
		m.sent = missed[len(missed)-1].Offset
		marks.Replayed = m.sent
	}
	if m.last = m.sent; m.last.Compare(marks.End) < 0 {
		m.last = marks.End
	}
	restored := &session{namespace: n, pid: m.session.PID, ready: make(chan struct{}), data: data, holder: s, moves: newMoves()}
	close(restored.ready)
	restored.life = marks
	n.mu.Lock()
	defer n.mu.Unlock()
	s.session, s.recovered = restored, true
	s.id, s.data = m.session.ID, data
	s.claim = &succession{missed: frames, moved: m}
	if s.gone() { // while it was waiting
		l.stopReading(m)
		l.unseat(s, ReasonTransportClose)
		return true
	}
	n.history.sessions[restored.pid] = restored
	return true
}

// replayed makes frames of what a session has missed. repeated is how much of it had
// been replayed before.
func (l *sharedLog) replayed(m *move, missed []backplane.Message) (frames []*engine.Frame, repeated int, fits bool) {
	queue := l.namespace.history.queue
	for _, message := range missed {
		out, err := l.namespace.unpackMissed(message)
		if err != nil {
			l.cluster.ignore(message, err)
			continue
		}
		event, err := l.namespace.withOffset(out, message.Offset.String())
		if err != nil {
			continue
		}
		frames = append(frames, event...)
		size := (&entry{frames: event}).size()
		m.size += size
		if m.session.Marks != nil && message.Offset.Compare(m.session.Marks.Replayed) <= 0 {
			repeated += size
		}
		if len(frames) >= queue.MaxQueuedMessages || m.size >= queue.MaxQueuedBytes {
			return nil, 0, false
		}
	}
	return frames, repeated, true
}

// seat makes a socket the holder of its session. It returns what the client has missed,
// and the holder before if that was of this node. The caller holds namespace.order and
// namespace.mu.
func (l *sharedLog) seat(s *Socket) (missed []*engine.Frame, before *Socket, err error) {
	n, h, mine := l.namespace, l.namespace.history, s.session
	l.begin()
	if !s.recovered {
		mine.start = h.head
		mine.holder, mine.data, s.seated = s, s.data, true
		mine.life.Start = l.head
		h.sessions[mine.pid] = mine
		n.settleRooms(s, nil)
		return nil, nil, nil
	}
	m := s.claim.moved
	now, missed, err := l.follow(s.claim)
	l.stopReading(m)
	if err != nil || h.sessions[mine.pid] != mine {
		return nil, nil, errTaken
	}
	rooms := make(map[string]offset, len(now.Rooms))
	for _, room := range now.Rooms {
		if room != s.id {
			rooms[room] = 0
		}
	}
	n.settleRooms(s, rooms)
	if now.Marks != nil {
		mine.life.Since, mine.life.Left = now.Marks.Since, now.Marks.Left
	}
	if s.dataSet {
		mine.data = s.data
	}
	mine.holder, s.seated = s, true
	mine.sent, mine.ahead = m.sent, m.last
	s.claim.missed = nil
	h.recovered++
	if m.before != nil {
		mine.unsettled = 1
	}
	return missed, m.before, nil
}

// follow goes through what was delivered since a session was restored: what it is now,
// and what its client has missed altogether. The caller holds namespace.mu.
func (l *sharedLog) follow(c *succession) (now backplane.Session, missed []*engine.Frame, err error) {
	m, queue := c.moved, l.namespace.history.queue
	entries, ok := l.tail.since(m.tail)
	if !ok {
		return now, nil, errTaken
	}
	var log []backplane.Message
	events := make(map[backplane.Offset]*tailEntry)
	for i := range entries {
		e := &entries[i]
		if e.frames == nil || e.message.Offset.Compare(m.last) > 0 {
			log = append(log, e.message)
			events[e.message.Offset] = e
		}
	}
	now, late, err := m.session.Replay(log)
	if err != nil {
		return now, nil, err
	}
	missed = c.missed
	for _, message := range late {
		e := events[message.Offset]
		missed = append(missed, e.frames...)
		m.last, m.sent = message.Offset, message.Offset
		m.size += e.size()
		if len(missed) >= queue.MaxQueuedMessages || m.size >= queue.MaxQueuedBytes {
			return now, nil, errTaken
		}
	}
	return now, missed, nil
}

// unpackMissed makes of an event that was kept what [Namespace.event] makes of one of
// this node.
func (n *Namespace) unpackMissed(m backplane.Message) (outgoing, error) {
	event, err := packet.ReadEvent(m.Data.JSON, len(m.Data.Attachments), nodeLimits)
	if err != nil {
		return outgoing{}, err
	}
	return n.unpackFrames(m, event, packet.NoID)
}

// packState writes what a socket's SetData has set: an empty object, if nothing.
func (s *Server) packState(data any) (backplane.Data, error) {
	if data == nil {
		return backplane.Data{JSON: []byte("{}")}, nil
	}
	if far, is := data.(farData); is {
		return far.packed, nil
	}
	return s.packValue(data)
}

// unpackState reads what packState, or a server of Node's, has written.
func (s *Server) unpackState(packed backplane.Data) (any, error) {
	if len(packed.JSON) == 0 || string(packed.JSON) == "{}" {
		return nil, nil
	}
	far := farData{packed: packed}
	var err error
	if far.args, err = s.unpackArg(packed); err != nil {
		return nil, err
	}
	far.value, err = far.args.Value(0)
	return far, err
}

// farData is what the SetData of a socket on another node has set.
type farData struct {
	packed backplane.Data
	args   packet.Args
	value  any // for who does not know its type
}
