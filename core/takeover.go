package socketio

import (
	"container/list"
	"errors"
	"log/slog"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// How a session passes from one socket to the next: a socket that connects files
// its wish, waits for the namespace's middleware, and is seated; at its end it is
// unseated, and a stand-in keeps its place.

// Recovered reports whether the socket goes on where another has ended, whose id,
// rooms and data it has: see [Recovery]. Middleware can ask, too: then the rooms
// are not there yet.
func (s *Socket) Recovered() bool { return s.recovered }

// A claim is what a client sends to go on with a session.
type claim struct {
	PID    string  `json:"pid"`
	Offset *string `json:"offset"`
}

// file gives a socket that is about to connect its session: the one that the
// client asks to go on with, if that can be, or a new one.
func (s *Socket) file() {
	n := s.namespace
	if n.history == nil || s.conn.legacy {
		return
	}
	var c claim
	asks := s.auth != nil && s.auth.Bind(0, &c) == nil && c.PID != ""
	if n.shared != nil {
		n.shared.file(s, c, asks)
		return
	}
	if asks {
		s.awaitSetUp(c.PID)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s.settled = make(chan struct{})
	if asks {
		if n.claim(s, c) {
			return
		}
		n.history.refused++
	}
	s.session = &session{namespace: n, pid: engine.NewID(), ready: make(chan struct{})}
	s.session.timer.Value = s.session
}

// awaitSetUp waits until the first socket of a session has been set up: what its
// OnConnection functions do is part of what is recovered.
func (s *Socket) awaitSetUp(pid string) {
	s.namespace.mu.Lock()
	wanted := s.namespace.history.sessions[pid]
	s.namespace.mu.Unlock()
	if wanted == nil {
		return
	}
	select {
	case <-wanted.ready:
	case <-s.Context().Done():
	}
}

// setUp notes whether the OnConnection functions have done their work. A session
// whose first socket they have not set up cannot be recovered.
func (s *Socket) setUp(done bool) {
	n := s.namespace
	if n.history == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.session == nil || s.recovered {
		return
	}
	if !done {
		n.history.drop(s.session)
	}
	s.session.isReady()
	if n.shared != nil && s.session.leaves && !s.session.over {
		n.shared.depart(s.session, nil)
	}
}

// isReady notes that the first socket of a session has been set up, or never will be.
// Where that socket ends while its client is being told, both may be said. The caller
// holds namespace.mu.
func (s *session) isReady() {
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

// settleTime is how long the functions of a socket that has ended may hold up those
// of the one that goes on.
const settleTime = 10 * time.Second

// maxUnsettled is how many takeovers of one session may wait for functions of the
// program, which then must be stuck.
const maxUnsettled = 16

// A succession is what a socket knows that has asked to take over a session: the
// session's claim that this was, the last event that the client knows, how far the
// log has been searched for what it has missed, and that, until it is sent.
type succession struct {
	turn     int
	seen     offset
	searched offset
	missed   []*engine.Frame
	moved    *move // nil unless it was restored
}

// claim lets a socket ask to take over a session, and reports whether it may. The
// session goes on as it is until the namespace's middleware has agreed; of several
// that ask, and are agreed to, the last to ask gets it.
func (n *Namespace) claim(s *Socket, c claim) bool {
	h := n.history
	wanted := h.sessions[c.PID]
	if wanted == nil || wanted.away && !time.Now().Before(wanted.lapsesAt) || wanted.unsettled >= maxUnsettled {
		return false
	}
	select {
	case <-wanted.ready:
	default:
		return false
	}
	var seen offset
	if c.Offset != nil {
		at, err := h.epoch.parse(*c.Offset)
		if err != nil || at > h.head {
			return false
		}
		seen = at
	}
	missed, repeated, ok := h.missed(wanted, seen)
	if !ok || !h.replay(wanted, repeated) {
		return false
	}
	s.session, s.recovered = wanted, true
	s.id, s.data = wanted.holder.id, wanted.data
	wanted.claims++
	s.claim = &succession{turn: wanted.claims, seen: seen, searched: h.head, missed: missed}
	return true
}

// errTaken lets the client come again: it is then known from the start that it
// cannot recover.
var errTaken = errors.New("socketio: the session that the socket had asked for is not there any more")

// seat makes a socket the holder of its session. It returns what the client has
// missed, and the holder before. The caller holds n.order and n.mu.
func (n *Namespace) seat(s *Socket) (missed []*engine.Frame, before *Socket, err error) {
	h, session := n.history, s.session
	if session == nil {
		return nil, nil, nil
	}
	if n.shared != nil {
		return n.shared.seat(s)
	}
	if !s.recovered {
		session.start, session.holder, session.data, s.seated = h.head, s, s.data, true
		h.sessions[session.pid] = session
		n.settleRooms(s, nil)
		return nil, nil, nil
	}
	more, _, ok := h.missed(session, s.claim.searched)
	if session.claimed > s.claim.turn || h.sessions[session.pid] != session || !ok {
		return nil, nil, errTaken
	}
	before = session.holder
	if session.away {
		h.remove(session)
	} else {
		n.depart(before)
	}
	n.settleRooms(s, before.rooms)
	if s.dataSet {
		session.data = s.data
	}
	session.claimed, session.holder, s.seated = s.claim.turn, s, true
	session.unsettled++
	h.recovered++
	missed = append(s.claim.missed, more...)
	s.claim.missed = nil
	return missed, before, nil
}

// settleRooms gives a socket the rooms of the one before it. In those that
// middleware has made it join it is from now on.
func (n *Namespace) settleRooms(s *Socket, inherited map[string]offset) {
	for name := range s.rooms {
		s.rooms[name] = n.history.head
	}
	if s.rooms == nil && len(inherited) > 0 {
		s.rooms = make(map[string]offset, len(inherited))
	}
	for name, since := range inherited {
		s.rooms[name] = since
	}
}

// unseat notes the end of a socket. If its client may come back, a stand-in takes
// its place. The caller holds n.mu.
func (n *Namespace) unseat(s *Socket, reason Reason) {
	h, mine := n.history, s.session
	if mine == nil {
		return
	}
	if n.shared != nil {
		n.shared.unseat(s, reason)
		return
	}
	if mine.holder != s || h.sessions[mine.pid] != mine {
		return // it was not seated yet, or another was after it
	}
	if !recoverable(reason) || h.retired {
		delete(h.sessions, mine.pid)
		return
	}
	mine.served += max(0, time.Since(time.Unix(0, s.conn.issued)))
	if !h.makeRoom(mine) {
		delete(h.sessions, mine.pid)
		return
	}
	mine.holder = &Socket{
		namespace: n, id: s.id, session: mine, settled: s.settled,
		rooms: s.rooms,
	}
	mine.holder.phase.Store(uint32(disconnected))
	h.add(mine)
}

// recoverable reports whether a socket that ends for a reason may come back. After the
// last two it cannot do so here, but where other servers have the log as well.
func recoverable(reason Reason) bool {
	switch reason {
	case ReasonTransportClose, ReasonTransportError, ReasonForcedClose, ReasonPingTimeout,
		ReasonForcedServerClose, ReasonSlowConsumer, ReasonServerShutdown, ReasonDrained:
		return true
	}
	return false
}

// shelf returns the list that a session is in while its client is away.
func (h *history) shelf(s *session) *list.List {
	if s.served < h.queue.PingInterval {
		return &h.visitors
	}
	return &h.regulars
}

// makeRoom sees to it that one more client can be away, and reports false if the
// session's cannot. Those who were here for less than a ping's interval go first:
// strangers who connect and cut, over and over, push out one another, and nobody
// else.
func (h *history) makeRoom(s *session) bool {
	for h.visitors.Len()+h.regulars.Len() >= h.limits.MaxSessions {
		first := h.visitors.Front()
		if first == nil {
			first = h.shelf(s).Front()
		}
		if first == nil {
			return false
		}
		h.forget(first.Value.(*session))
	}
	return true
}

// add notes that a session's client has gone away; its holder is a stand-in.
func (h *history) add(s *session) {
	s.away, s.lapsesAt = true, time.Now().Add(h.limits.MaxDisconnectionDuration)
	s.place = h.shelf(s).PushBack(s)
	h.away.add(s.holder)
	h.lapses.Add(&s.timer)
	s.namespace.holdForAway()
}

// remove notes that a session's client is back, or will not come any more.
func (h *history) remove(s *session) {
	s.away = false
	h.shelf(s).Remove(s.place)
	h.away.remove(s.holder)
	h.lapses.Remove(&s.timer)
	s.namespace.releaseForAway()
}

// forget ends a session whose client is away.
func (h *history) forget(s *session) {
	h.remove(s)
	delete(h.sessions, s.pid)
}

// retire forgets all that a namespace remembers which is gone, and sees to it that
// nothing is remembered any more: whoever still holds it does not keep a log of it.
func (n *Namespace) retire() {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.history
	if h == nil {
		return
	}
	h.retired = true
	h.limits.MaxPackets = 0
	for len(h.segments) > 0 {
		h.dropOne()
	}
	for _, shelf := range []*list.List{&h.visitors, &h.regulars} {
		for shelf.Len() > 0 {
			h.forget(shelf.Front().Value.(*session))
		}
	}
}

// drop ends a session, whether its client is away or not.
func (h *history) drop(s *session) {
	if h.shared != nil {
		h.shared.conclude(s)
		return
	}
	if s.away {
		h.remove(s)
	}
	delete(h.sessions, s.pid)
}

// lapsed is called when a client has been away for too long.
func (s *session) lapsed() {
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	if s.away && !time.Now().Before(s.lapsesAt) {
		s.namespace.history.forget(s)
	}
}

// isAway reports whether the socket stands in for one whose client is away.
func (n *Namespace) isAway(s *Socket) bool { return n.history != nil && n.history.away.has(s) }

// eachAway calls f for the stand-ins of clients that are away and would be aimed
// at, under the namespace's mu.
func (b Broadcast) eachAway(f func(s *Socket)) {
	n := b.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.history == nil {
		return
	}
	for _, s := range n.history.away.targets(b.rooms, b.except) {
		f(s)
	}
}

// replace drops the connection of the socket whose session another has taken over,
// if it has one still, and waits until the program has heard of its end: for the
// program they are one after the other, unless it takes very long.
func (s *Socket) replace(before *Socket) {
	if before.conn != nil {
		before.conn.session.Abort()
	}
	n := s.namespace
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-before.settled:
	case <-timer.C:
		n.server.say(s.Context(), lineTakeover, slog.LevelWarn,
			"handlers of a socket still run, while its client has come back: it is served beside them",
			"namespace", logName(n.name), "socket", s.logID(), "waited", settleTime)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s.session.unsettled--
}

// neverHeard mends the session of a socket that was admitted, but whose client was
// gone before it could be told.
func (s *Socket) neverHeard(before *Socket) {
	n := s.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !s.seated:
	case before == nil && s.recovered: // it was another node's, and is saved again
		s.settled = nil // the program does not hear of its end
	case before == nil: // nobody knows of the session
		n.history.drop(s.session)
		s.session.isReady()
	default: // the program is yet to hear of the end of the one before, not of this
		s.settled = before.settled
		s.session.unsettled--
		if before.conn != nil {
			go before.conn.session.Abort()
		}
	}
}

// standIn returns the socket that has the membership of a socket: itself or, where
// its client can recover, the one that goes on with it or keeps its place. The
// caller holds n.mu.
func (n *Namespace) standIn(s *Socket) (*Socket, error) {
	switch {
	case !s.seated || s.session.holder == s:
		if s.gone() {
			return nil, ErrDisconnected
		}
		return s, nil
	case n.history.sessions[s.session.pid] != s.session:
		return nil, ErrDisconnected
	}
	return s.session.holder, nil
}

// lockData locks what guards the socket's data, and returns what unlocks it.
func (s *Socket) lockData() (unlock func()) {
	mu := &s.mu
	if s.namespace.history != nil {
		mu = &s.namespace.mu
	}
	mu.Lock()
	return mu.Unlock
}

// dataPlace returns where the socket's data is: all sockets of a session have the
// same.
func (s *Socket) dataPlace() *any {
	if s.seated {
		return &s.session.data
	}
	return &s.data
}
