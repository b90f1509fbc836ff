package socketio

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/internal/expiry"
)

// moves are what a session has where it can go on with another node. The namespace's
// mu guards them.
type moves struct {
	ahead   backplane.Offset // it was sent everything up to here when it came to this node
	sent    backplane.Offset // the last event that it was sent
	life    backplane.Marks  // what is known from its life before that
	end     backplane.Offset // the last event when its socket ended
	endedAt time.Time
	leaves  bool          // its socket has ended, and other nodes cannot have it yet
	over    bool          // its client cannot come back
	kept    chan struct{} // closed when other nodes can have it, or nobody can
}

func newMoves() *moves { return &moves{kept: make(chan struct{})} }

// unseat notes the end of a socket. If its client may come back, other nodes must be
// able to have the session: it is on its way to them when unseat returns. The caller
// holds namespace.mu.
func (l *sharedLog) unseat(s *Socket, reason Reason) {
	mine, h := s.session, l.namespace.history
	switch {
	case mine.leaves || mine.over:
	case s.claim != nil && !s.seated: // nobody has seen it, so it is as it was
		l.depart(mine, &s.claim.moved.session)
	case mine.holder != s || h.sessions[mine.pid] != mine:
		l.conclude(mine) // it was not seated yet
	case !recoverable(reason) || h.retired || len(l.leaving) >= h.limits.MaxSessions:
		l.conclude(mine)
	default:
		mine.holder = &Socket{namespace: l.namespace, id: s.id, session: mine, settled: s.settled, rooms: s.rooms}
		mine.holder.phase.Store(uint32(disconnected))
		if s.isUnsettled() {
			l.settling[mine.pid] = mine.holder
		}
		mine.end, mine.endedAt = l.offsetOf(h.head), time.Now()
		if mine.end.Compare(mine.ahead) < 0 {
			mine.end = mine.ahead
		}
		select {
		case <-mine.ready:
			l.depart(mine, nil)
		default: // what the OnConnection functions do is part of it
			mine.leaves = true
			l.leaving[mine.pid] = mine
		}
	}
}

// conclude ends a session that nobody comes back to. The caller holds namespace.mu.
func (l *sharedLog) conclude(mine *session) {
	if mine.over {
		return
	}
	mine.over = true
	l.forget(mine)
}

// forget takes a session off this node, which other nodes can have, or nobody. The
// caller holds namespace.mu.
func (l *sharedLog) forget(mine *session) {
	h := l.namespace.history
	if h.sessions[mine.pid] == mine {
		delete(h.sessions, mine.pid)
	}
	if l.leaving[mine.pid] == mine {
		delete(l.leaving, mine.pid)
	}
	close(mine.kept)
}

// depart has a session saved: as it is then or, if it was restored and nobody has seen
// it, as it was. The caller holds namespace.mu.
func (l *sharedLog) depart(mine *session, as *backplane.Session) {
	mine.leaves = true
	l.leaving[mine.pid] = mine
	l.namespace.holdForAway()
	l.cluster.departures.add(&departure{log: l, session: mine, saved: as, until: time.Now().Add(l.namespace.history.limits.MaxDisconnectionDuration)})
}

// record returns a session as other nodes need it, but for its data. The caller holds
// namespace.mu.
func (l *sharedLog) record(mine *session) *backplane.Session {
	marks := mine.life
	marks.Sent, marks.End = mine.sent, mine.end
	oldest := l.offsetOf(l.first)
	if l.first > 1 && marks.Blind.Compare(oldest) < 0 {
		marks.Blind = oldest // it is not remembered when rooms were joined before that
	}
	if mine.blind > 0 && marks.Blind.Compare(l.offsetOf(mine.blind)) < 0 {
		marks.Blind = l.offsetOf(mine.blind)
	}
	before := marks.Since
	since := func(room string, n offset) backplane.Offset {
		if n == 0 { // it has brought the room along
			return before[room]
		}
		return l.offsetOf(n)
	}
	marks.Since = make(map[string]backplane.Offset)
	for room, n := range mine.holder.rooms {
		if at := since(room, n); at.Compare(marks.Start) > 0 {
			marks.Since[room] = at
		}
	}
	marks.Left = marks.Left[:len(marks.Left):len(marks.Left)]
	for room, stays := range mine.stays {
		for _, st := range stays {
			marks.Left = append(marks.Left, backplane.Stay{Room: room, From: since(room, st.from), Until: l.offsetOf(st.until)})
		}
	}
	return &backplane.Session{
		Namespace: l.namespace.name, ID: mine.holder.id, PID: mine.pid, Rooms: mine.holder.roomNames(), Marks: &marks,
	}
}

// A departure is a session that is about to be saved.
type departure struct {
	log     *sharedLog
	session *session
	saved   *backplane.Session // nil until it is known
	data    any
	until   time.Time
	retry   expiry.Entry[*departure]
}

// errNoData says that a socket's data cannot be written down.
var errNoData = errors.New("its socket's data cannot be encoded")

// departures are the sessions that wait to be saved. Many can be saved at once, since
// backplanes do that together, but each takes a goroutine.
type departures struct {
	cluster *cluster
	retries *expiry.Queue[*departure]
	pending tally

	mu      sync.Mutex
	queue   []*departure
	running int
}

const (
	maxSavers = 512             // sessions that are saved at the same time
	saveTime  = 5 * time.Second // how long one attempt may take
	saveAgain = time.Second     // after how long there is another
)

func (d *departures) start(c *cluster) {
	d.cluster = c
	d.retries = expiry.New(saveAgain, d.push)
}

func (d *departures) add(one *departure) {
	one.retry.Value = one
	d.pending.add()
	d.push(one)
}

func (d *departures) push(one *departure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, one)
	if d.running < maxSavers {
		d.running++
		go d.work()
	}
}

// work saves sessions until none waits.
func (d *departures) work() {
	for {
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.queue = nil
			d.running--
			d.mu.Unlock()
			return
		}
		one := d.queue[0]
		d.queue[0] = nil
		d.queue = d.queue[1:]
		d.mu.Unlock()
		if d.attempt(one) {
			d.pending.done()
		} else {
			d.retries.Add(&one.retry)
		}
	}
}

// attempt saves a session. It reports false if that has to be tried again.
func (d *departures) attempt(one *departure) (done bool) {
	l := one.log
	err := errPanic
	d.cluster.server.guard("Config.Backplane", func() { err = one.save() })
	if lasting := err != nil && err != errPanic && err != errNoData && err != backplane.ErrClosed; lasting &&
		time.Now().Before(one.until) && d.cluster.ctx.Err() == nil {
		return false
	}
	if err != nil {
		d.cluster.server.say(context.Background(), lineSave, slog.LevelWarn, "a session could not be saved: its client cannot go on with it",
			"namespace", logName(l.namespace.name), "error", logError{err})
	}
	l.namespace.mu.Lock()
	defer l.namespace.mu.Unlock()
	l.forget(one.session)
	l.namespace.releaseForAway()
	return true
}

func (one *departure) save() error {
	l := one.log
	if one.saved == nil {
		l.namespace.mu.Lock()
		one.saved, one.data = l.record(one.session), one.session.data
		delete(l.namespace.history.sessions, one.session.pid) // nothing that is done to it has an effect any more
		l.namespace.mu.Unlock()
		data, err := l.cluster.server.packState(one.data)
		one.data = nil
		if err != nil {
			return errNoData
		}
		one.saved.Data = data
	}
	ctx, cancel := context.WithTimeout(l.cluster.ctx, saveTime)
	defer cancel()
	return l.node.SaveSession(ctx, *one.saved, time.Until(one.until))
}

// handOver ends sockets whose sessions other nodes can have, and returns when they can,
// or when it takes too long: their clients must not come to another node before.
func (s *Server) handOver(ctx context.Context, sockets []*Socket, reason Reason) {
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	for _, socket := range sockets {
		if socket.namespace.shared != nil && socket.Connected() {
			socket.end(reason)
		}
	}
	for _, socket := range sockets {
		if mine := socket.movingSession(); mine != nil {
			select {
			case <-mine.kept:
			case <-ctx.Done():
				return
			}
		}
	}
}

// isUnsettled reports whether the program is yet to hear of the socket's end. It is
// called with namespace.mu held, which orders it before settled.
func (s *Socket) isUnsettled() bool {
	select {
	case <-s.settled:
		return false
	default:
		return s.settled != nil
	}
}

// settled notes that the program has heard of a socket's end.
func (l *sharedLog) settled(s *Socket) {
	l.namespace.mu.Lock()
	defer l.namespace.mu.Unlock()
	if s.session == nil {
		return
	}
	if before := l.settling[s.session.pid]; before != nil && before.settled == s.settled {
		delete(l.settling, s.session.pid)
	}
}

// movingSession returns the session of a socket that has ended, if other nodes are
// about to have it.
func (s *Socket) movingSession() *session {
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	if s.namespace.shared == nil || s.session == nil || !s.session.leaves {
		return nil
	}
	return s.session
}

// allSockets returns the connected sockets of all namespaces.
func (s *Server) allSockets() (all []*Socket) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, n := range s.namespaces {
		all = append(all, n.Sockets()...)
	}
	return all
}

// awaitDepartures waits until the sessions of clients that have gone are saved.
func (s *Server) awaitDepartures(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	_ = s.cluster.departures.pending.wait(ctx)
}
