package socketio

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/packet"
)

// A flight is an event of this node on its way to its place in the log.
type flight struct {
	broadcast Broadcast
	out       outgoing
	direct    bool          // it was emitted to one socket
	targets   []*Socket     // whom it aimed at when it was emitted
	served    []*Socket     // of those, who was sent it early
	in        *list.Element // nil when it has landed; guarded by flights.mu, as served is
}

// flights are the events of a namespace that are on their way, in the order in which
// they were emitted.
type flights struct {
	mu   sync.Mutex
	list list.List
}

func (l *flights) add(f *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.in = l.list.PushBack(f)
}

// land takes an event off those that are on their way, once.
func (l *flights) land(f *flight) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.in == nil {
		return false
	}
	l.list.Remove(f.in)
	f.in = nil
	return true
}

// alsoAtFirst adds to the sockets that an event aims at now those that it aimed at when
// it was emitted, and that are still there: what a program emits to a room, and makes
// sockets leave just then, is for them. The caller holds namespace.mu.
func (f *flight) alsoAtFirst(now []*Socket) []*Socket {
	if len(f.served) == 0 && (len(f.targets) == 0 || len(now) == len(f.targets) && &now[0] == &f.targets[0] || slices.Equal(now, f.targets)) {
		return now
	}
	known := make(map[*Socket]struct{}, len(now))
	for _, s := range f.served {
		known[s] = struct{}{}
	}
	var all []*Socket
	for _, list := range [][]*Socket{now, f.targets} {
		for _, s := range list {
			if _, is := known[s]; !is && s.Connected() {
				known[s] = struct{}{}
				all = append(all, s)
			}
		}
	}
	return all
}

// publishes reports whether an event goes to the clients of this node by way of the
// log that all nodes share. If not, it is sent to them at once.
func (b Broadcast) publishes() bool { return b.namespace.shared != nil && !b.volatile && !b.local }

// emit sends an event to the log. If that cannot be, the clients of this node get it at
// once. It returns whom of them it aims at.
func (l *sharedLog) emit(b Broadcast, out outgoing, direct bool) (targets []*Socket, err error) {
	f := &flight{broadcast: b, out: out, direct: direct, targets: b.targets()}
	m, err := b.message(out, packet.NoID, out.event, out.args)
	if _, plain := l.namespace.server.cfg.Codec.(packet.JSONCodec); !plain && err == nil {
		f.out.args, err = l.namespace.server.values(m.Data) // the program may change its own when Emit has returned
	} else {
		f.out.args = nil
	}
	m.Echo, m.Note = true, f
	l.flights.add(f)
	if err == nil {
		err = l.cluster.publish(m)
	}
	if err != nil {
		l.landed(backplane.Message{}, f)
	}
	return f.targets, err
}

// landed takes an event of this node's that has come back, or cannot be sent.
func (l *sharedLog) landed(m backplane.Message, f *flight) {
	var targets []*Socket
	if m.Offset.IsZero() {
		l.namespace.order.Lock()
		if l.flights.land(f) {
			targets = l.sendUnplaced(f.broadcast, f.out, f)
		}
		l.namespace.order.Unlock()
	} else {
		targets = l.deliver(m, f.out, f)
	}
	if !f.direct {
		l.namespace.noteBroadcast(f.out.event, len(targets))
	}
}

// hasten sends a socket that is about to be disconnected for good what is on its way
// to it: it will not be there to get it in its place.
func (l *sharedLog) hasten(s *Socket) {
	n := l.namespace
	n.order.Lock()
	defer n.order.Unlock()
	l.flights.mu.Lock()
	defer l.flights.mu.Unlock()
	for at := l.flights.list.Front(); at != nil; at = at.Next() {
		f := at.Value.(*flight)
		if !slices.Contains(f.targets, s) || slices.Contains(f.served, s) {
			continue
		}
		frames, err := n.withOffset(f.out, l.head.String())
		if err == nil {
			_ = s.send(frames)
			f.served = append(f.served, s)
		}
	}
}

// emitTo sends an event to the client that has the socket's session, wherever it is
// now or will come back.
func (l *sharedLog) emitTo(s *Socket, out outgoing, volatile bool) error {
	n := l.namespace
	n.order.Lock()
	at, direct, err := l.wayTo(s, volatile)
	if err == nil && direct {
		frames, failed := n.withOffset(out, at.String())
		if err = failed; err == nil {
			err = s.send(frames)
		}
	}
	n.order.Unlock()
	if err != nil || direct {
		return err
	}
	_, err = l.emit(Broadcast{namespace: n, rooms: []string{s.id}, uncompressed: !out.frames[0].Compress()}, out, true)
	return err
}

// wayTo returns the offset that an event to a socket has if it goes there directly, and
// whether it does. The caller holds namespace.order.
func (l *sharedLog) wayTo(s *Socket, volatile bool) (at backplane.Offset, direct bool, err error) {
	n := l.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	l.begin()
	switch {
	case s.is(connecting):
		if s.claim != nil {
			at = s.claim.moved.seen // it will come before what the client has missed
		}
		return at, true, nil
	case s.gone() && (s.session == nil || s.session.over || time.Since(s.session.endedAt) > n.history.limits.MaxDisconnectionDuration):
		return at, false, ErrDisconnected
	case volatile && s.session != nil && l.head.Compare(s.session.ahead) < 0:
		return s.session.ahead, true, nil
	}
	return l.head, volatile, nil
}
