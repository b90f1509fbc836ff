package socketio

import (
	"cmp"
	"container/list"
	"slices"
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

// A session is what outlives a socket where clients can recover: from the first
// socket's CONNECT through all that take over from it. The namespace's mu guards
// it.
type session struct {
	namespace *Namespace
	pid       string // the client's key to it: nobody else may see it
	start     offset // when it began
	holder    *Socket
	away      bool      // the holder stands for a client that is away
	lapsesAt  time.Time // when it is over, while away
	timer     expiry.Entry[*session]
	place     *list.Element // in the list of those that are away
	claims    int           // how often sockets have asked to take over
	claimed   int           // which of those the holder was
	unsettled int           // takeovers that wait for the functions of the socket before
	ready     chan struct{} // closed when the OnConnection functions of its first socket have returned
	data      any           // what the sockets' SetData has set
	served    time.Duration // how long its clients were connected, but for the one that is now

	*moves // nil where it can go on with no other node

	replayed offset // up to here it was replayed what it had missed
	repeated int    // bytes of that which were replayed more than once

	// marks are the offsets of events that it was sent: of each segment of the
	// log the last one, and of the segments that are gone the last one.
	marks []offset
	// stays are when it was in rooms that it has left, in order, while the log has
	// events from then.
	stays     map[string][]stay
	stayCount int
	blind     offset // up to here nobody knows any more in which rooms it was
}

// A stay is a time in a room: for the events after from, up to until.
type stay struct{ from, until offset }

// maxStays is how many rooms that a session has left are remembered. Who leaves
// more of them within the log's time may have to start anew.
const maxStays = 256

// mark notes that the session is sent an event.
func (s *session) mark(h *history, at offset) {
	segment := at // if the event did not fit the log at all
	if len(h.segments) > 0 {
		segment = h.segments[len(h.segments)-1].first
	}
	if last := len(s.marks) - 1; last >= 0 && s.marks[last] >= segment {
		s.marks[last] = at
		return
	}
	oldest := h.oldest()
	for len(s.marks) > 1 && s.marks[1] < oldest {
		s.marks = slices.Delete(s.marks, 0, 1)
	}
	s.marks = append(s.marks, at)
}

// last returns the offset of the last event that the session was sent.
func (s *session) last() offset {
	if len(s.marks) == 0 {
		return s.start
	}
	return s.marks[len(s.marks)-1]
}

// lastBefore returns the offset of the last event before limit, which is the start
// of a segment, that the session was sent, as far as that can still matter.
func (s *session) lastBefore(limit offset) offset {
	last := s.start
	for _, at := range s.marks {
		if at < limit {
			last = at
		}
	}
	return max(last, s.blind)
}

// wasSent reports whether an event went to the session.
func (s *session) wasSent(e *entry, at offset) bool {
	if e.only != "" {
		return e.only == s.holder.id
	}
	in := func(room string) bool { return s.wasIn(room, at) }
	return (len(e.rooms) == 0 || slices.ContainsFunc(e.rooms, in)) && !slices.ContainsFunc(e.except, in)
}

// wasIn reports whether the session was in a room when an event was sent.
func (s *session) wasIn(room string, at offset) bool {
	if room == s.holder.id {
		return true
	}
	if since, ok := s.holder.rooms[room]; ok && at > since {
		return true
	}
	stays := s.stays[room]
	i, _ := slices.BinarySearchFunc(stays, at, func(st stay, at offset) int { return cmp.Compare(st.until, at) })
	return i < len(stays) && stays[i].from < at
}

// left notes that the session has left a room.
func (s *session) left(h *history, room string, since offset) {
	if since >= h.head || s.start >= h.head {
		return // nothing was sent meanwhile
	}
	if s.stayCount >= maxStays {
		s.forgetStays(h.oldest())
	}
	if s.stayCount >= maxStays {
		s.forgetStays(h.head + 1)
		s.blind = h.head
	}
	if s.stays == nil {
		s.stays = make(map[string][]stay)
	}
	s.stays[room] = append(s.stays[room], stay{since, h.head})
	s.stayCount++
}

// forgetStays forgets the stays that ended before an event.
func (s *session) forgetStays(before offset) {
	for room, stays := range s.stays {
		kept := slices.DeleteFunc(stays, func(st stay) bool { return st.until < before })
		s.stayCount -= len(stays) - len(kept)
		if len(kept) == 0 {
			delete(s.stays, room)
		} else {
			s.stays[room] = kept
		}
	}
}
