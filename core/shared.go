package socketio

import (
	"slices"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A sharedLog is what a namespace has where clients can recover and the backplane is
// durable: the order of its events is that of a log which all nodes share, and a client
// can go on with any of them. The history then has no log of its own. Numbers of type
// offset, such as the rooms have, count what this node has delivered.
//
// An event is sent to the clients of this node when the backplane gives it back, with
// its place in the log. An event that gets no place there is sent at once, and carries
// the offset of the one before it.
type sharedLog struct {
	namespace *Namespace
	cluster   *cluster
	node      backplane.Durable

	head backplane.Offset // of the last event that was delivered; guarded by namespace.order

	flights flights

	// What follows is guarded by namespace.mu.
	first    offset             // the number of offsets[0]
	offsets  []backplane.Offset // of the last deliveries; of the first number, where the node began to read
	tail     tail
	leaving  map[string]*session // by their private ids, those that other nodes cannot have yet
	settling map[string]*Socket  // of sessions that were here, who had them, while the program has not heard of their ends
}

// share lets the namespace's events stand in a log of all nodes, if the backplane
// keeps one and clients can recover. It comes before the first socket.
func (n *Namespace) share(c *cluster) {
	if n.history == nil || c == nil || c.durable == nil {
		return
	}
	n.shared = &sharedLog{namespace: n, cluster: c, node: c.durable, first: 1,
		leaving: make(map[string]*session), settling: make(map[string]*Socket),
	}
	n.history.shared = n.shared
	n.history.head = 1
}

// begin notes where the node began to read, which matters to whoever joins a room
// before anything is delivered. The caller holds namespace.order and namespace.mu.
func (l *sharedLog) begin() {
	if l.offsets != nil && !l.offsets[0].IsZero() || l.namespace.history.head > 1 {
		return
	}
	l.offsets = []backplane.Offset{l.node.Head(l.namespace.name)}
	l.head = l.offsets[0]
}

// count notes a delivery. The caller holds namespace.order and namespace.mu.
func (l *sharedLog) count(at backplane.Offset) {
	l.begin()
	h := l.namespace.history
	l.head = at
	h.head++
	l.offsets = append(l.offsets, at)
	if limit := h.limits.MaxPackets; len(l.offsets) > 2*limit {
		drop := len(l.offsets) - limit
		l.first += offset(drop)
		l.offsets = slices.Clone(l.offsets[drop:])
	}
}

// offsetOf returns the offset of what this node has delivered as number n, or the oldest
// one that is remembered. The caller holds namespace.mu.
func (l *sharedLog) offsetOf(n offset) backplane.Offset {
	if len(l.offsets) == 0 {
		return backplane.Offset{}
	}
	return l.offsets[min(max(n, l.first)-l.first, offset(len(l.offsets)-1))]
}

// withOffset makes of an event without an offset, as Namespace.event has made it, what
// clients are sent: with an offset as its last argument.
func (n *Namespace) withOffset(out outgoing, text string) ([]*engine.Frame, error) {
	if _, plain := n.server.cfg.Codec.(packet.JSONCodec); !plain {
		args := append(out.args[:len(out.args):len(out.args)], text)
		return n.encode(packet.Outgoing{Type: packet.Event, ID: packet.NoID, Event: out.event, Args: args}, out.frames[0].Compress())
	}
	payload := out.frames[0].Payload()[1:] // behind the type of Engine.IO's
	f := new(engine.Frame)
	buf := append(f.Buffer(len(payload)+len(text)+3), payload[:len(payload)-1]...)
	f.SetMessage(append(append(append(buf, `,"`...), text...), `"]`...))
	if !out.frames[0].Compress() {
		f.NoCompress()
	}
	return append(f.List(len(out.frames)-1), out.frames[1:]...), nil
}

// deliver sends an event that has its place in the log to the clients of this node:
// those that it aims at now and, if it was this node's own, those that it aimed at when
// it was emitted. It returns them.
func (l *sharedLog) deliver(m backplane.Message, out outgoing, f *flight) []*Socket {
	n := l.namespace
	frames, err := n.withOffset(out, m.Offset.String())
	if err != nil {
		l.cluster.ignore(m, err)
		frames = nil // but it has its place
	}
	n.order.Lock()
	defer n.order.Unlock()
	if f != nil && !l.flights.land(f) {
		return nil
	}
	b := n.aimed(m.Options)
	targets := l.place(m, frames, b, f)
	if frames == nil {
		return nil
	}
	for _, s := range targets {
		_ = b.send(s, frames)
	}
	return targets
}

// place notes an event that has its place in the log, and who is sent it. The caller
// holds namespace.order.
func (l *sharedLog) place(m backplane.Message, frames []*engine.Frame, b Broadcast, f *flight) []*Socket {
	n := l.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	l.count(m.Offset)
	l.tail.add(n.history.limits, m, frames)
	targets := n.present.targets(b.rooms, b.except)
	if f != nil {
		targets = f.alsoAtFirst(targets)
	}
	sent := func(s *Socket) bool { return s.session != nil && m.Offset.Compare(s.session.ahead) <= 0 }
	if slices.ContainsFunc(targets, sent) {
		targets = slices.DeleteFunc(slices.Clone(targets), sent)
	}
	for _, s := range targets {
		if s.session != nil {
			s.session.sent = m.Offset
		}
	}
	return targets
}

// passed notes a message of another node's that has its place in the log and changes
// sockets: those that are being restored have to follow.
func (c *cluster) passed(m backplane.Message) {
	if m.Kind == backplane.Broadcast || m.Offset.IsZero() {
		return
	}
	n := c.server.namespace(m.Namespace)
	if n == nil || n.shared == nil {
		return
	}
	l := n.shared
	n.order.Lock()
	defer n.order.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	l.count(m.Offset)
	l.tail.add(n.history.limits, m, nil)
}

// sendUnplaced sends an event that has no place in the log to those that it aims at
// now, and returns them. The caller holds namespace.order.
func (l *sharedLog) sendUnplaced(b Broadcast, out outgoing, f *flight) []*Socket {
	n := l.namespace
	n.mu.Lock()
	l.begin()
	targets := n.present.targets(b.rooms, b.except)
	if f != nil {
		targets = f.alsoAtFirst(targets)
	}
	var ahead map[*Socket]backplane.Offset
	for _, s := range targets {
		if s.session != nil && l.head.Compare(s.session.ahead) < 0 {
			if ahead == nil {
				ahead = make(map[*Socket]backplane.Offset)
			}
			ahead[s] = s.session.ahead
		}
	}
	n.mu.Unlock()
	frames, err := n.withOffset(out, l.head.String())
	if err != nil {
		return nil
	}
	for _, s := range targets {
		own := frames
		if at, is := ahead[s]; is { // it must not believe that it is to be sent things again
			if own, err = n.withOffset(out, at.String()); err != nil {
				continue
			}
		}
		_ = b.send(s, own)
	}
	return targets
}
