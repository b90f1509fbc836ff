package socketio

// head returns the offset of the namespace's last event, if it counts them. The
// caller holds n.mu.
func (n *Namespace) head() offset {
	if n.history == nil {
		return 0
	}
	return n.history.head
}

// record gives an event its offset, keeps it for those who may miss it, and notes
// who is sent it. The caller holds n.order and n.mu.
func (n *Namespace) record(out outgoing, e entry, present []*Socket) {
	h := n.history
	n.stamp(out, h.head+1) // what append will return
	e.frames = out.frames
	at := h.append(n, e)
	for _, s := range present {
		if s.session != nil {
			s.session.mark(h, at)
		}
	}
	if e.only == "" && len(h.away.sockets) > 0 {
		for _, s := range h.away.targets(e.rooms, e.except) {
			s.session.mark(h, at)
		}
	}
}

// address returns the sockets that are to be sent an event. The caller holds
// n.order.
func (b Broadcast) address(out outgoing) []*Socket {
	n := b.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	targets := n.present.targets(b.rooms, b.except)
	switch {
	case n.history == nil:
	case b.volatile:
		n.stamp(out, n.history.head) // clients take the last argument for an offset in any case
	default:
		n.record(out, entry{rooms: b.rooms, except: b.except}, targets)
	}
	return targets
}

// emit sends an event to the client that has the socket's session, now or when it
// comes back.
func (s *Socket) emit(out outgoing, volatile bool) error {
	n := s.namespace
	if n.history == nil {
		return s.send(out.frames)
	}
	if n.shared != nil {
		return n.shared.emitTo(s, out, volatile)
	}
	n.order.Lock()
	defer n.order.Unlock()
	to, kept, err := s.addressee(out, volatile)
	if to != nil {
		err = to.send(out.frames)
	}
	if kept {
		return nil // if it could not be sent, the client will come for it
	}
	return err
}

// addressee returns the socket that an event is to be sent to, if there is one, and
// whether the event is kept for a client that comes back.
func (s *Socket) addressee(out outgoing, volatile bool) (to *Socket, kept bool, err error) {
	n := s.namespace
	n.mu.Lock()
	defer n.mu.Unlock()
	switch session := s.session; {
	case s.is(connecting):
		var seen offset
		if s.claim != nil {
			seen = s.claim.seen // it will come before what the client has missed
		}
		n.stamp(out, seen)
		return s, false, nil
	case session == nil, volatile:
		n.stamp(out, n.history.head)
		return s, false, nil
	case n.history.sessions[session.pid] != session:
		return nil, false, ErrDisconnected
	default:
		n.record(out, entry{only: s.id}, []*Socket{session.holder})
		if session.away {
			return nil, true, nil
		}
		return session.holder, true, nil
	}
}
