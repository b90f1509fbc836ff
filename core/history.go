package socketio

import (
	"container/list"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/internal/expiry"
)

// A history is what a namespace remembers so that clients can come back without
// having missed anything: the events of the last minutes in their order, and the
// sessions that may have missed some. The namespace's mu guards it.
//
// The log is a list of segments. Events are dropped one by one from its old end
// when there are too many, and by whole segments when they are too old. Of a
// dropped event the segment still knows to whom it went, as long as it has others.
type history struct {
	limits   Recovery
	queue    engine.Config // which bounds what may wait for one client
	age      *expiry.Queue[*segment]
	lapses   *expiry.Queue[*session]
	epoch    epoch
	head     offset // of the last event
	segments []*segment
	events   int // that are in the log
	bytes    int

	sessions map[string]*session // by their private ids, those with a client too
	away     roster              // stands in for the sockets of clients that are away
	visitors list.List           // of the sessions that are away and were here briefly, the first to leave first
	regulars list.List           // of the others that are away
	retired  bool                // nobody comes back any more
	shared   *sharedLog          // if that has the log; nil else
	recovered,
	refused int64
}

// A segment is a part of the log.
type segment struct {
	namespace *Namespace
	first     offset // of the first of the entries
	entries   []entry
	dropped   int // of the entries, at the front
	bytes     int // of those that were added
	since     time.Time
	timer     expiry.Entry[*segment]
}

// An entry is an event and to whom it goes: the socket with the id only, or else
// those that a [Broadcast] with these rooms aims at.
type entry struct {
	only          string
	rooms, except []string
	frames        []*engine.Frame // nil when dropped
}

func (e *entry) size() int {
	const overhead = 160 // of a frame and of the entry itself
	size := 0
	for _, f := range e.frames {
		size += len(f.Payload()) + overhead
	}
	return size
}

// segmentsPerLog is into how many parts a full log falls.
const segmentsPerLog = 8

// append adds an event to the log and returns its offset.
func (h *history) append(n *Namespace, e entry) offset {
	h.head++
	size := e.size()
	s := h.current(n, size)
	s.entries = append(s.entries, e)
	s.bytes += size
	h.events++
	h.bytes += size
	for h.events > h.limits.MaxPackets || h.bytes > h.limits.MaxBytes {
		h.dropOne()
	}
	return h.head
}

// current returns the segment that the next event goes into.
func (h *history) current(n *Namespace, size int) *segment {
	now := time.Now()
	if len(h.segments) > 0 {
		s := h.segments[len(h.segments)-1]
		if len(s.entries) < max(1, h.limits.MaxPackets/segmentsPerLog) &&
			s.bytes+size <= h.limits.MaxBytes/segmentsPerLog &&
			now.Sub(s.since) < h.limits.MaxDisconnectionDuration/segmentsPerLog {
			return s
		}
	}
	s := &segment{namespace: n, first: h.head, since: now}
	s.timer.Value = s
	h.segments = append(h.segments, s)
	h.age.Add(&s.timer)
	return s
}

// oldest returns the first offset of which the log knows to whom it went.
func (h *history) oldest() offset {
	if h.shared != nil {
		return h.shared.first
	}
	if len(h.segments) == 0 {
		return h.head + 1
	}
	return h.segments[0].first
}

// dropOne drops the oldest event.
func (h *history) dropOne() {
	s := h.segments[0]
	e := &s.entries[s.dropped]
	h.events--
	h.bytes -= e.size()
	e.frames = nil
	s.dropped++
	if s.dropped == len(s.entries) {
		h.age.Remove(&s.timer)
		h.removeFirst()
	}
}

func (h *history) removeFirst() {
	h.segments[0] = nil
	h.segments = h.segments[1:]
}

// expired drops what is too old: the segment and those before it.
func (s *segment) expired() {
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	h := s.namespace.history
	for len(h.segments) > 0 && h.segments[0].first <= s.first {
		h.dropOne()
	}
}

// missed returns what a session has been sent after an offset, or false if the log
// does not have all of that any more, or if it is more than may wait for a client.
// repeated is how much of it had been replayed to the session before.
func (h *history) missed(s *session, after offset) (frames []*engine.Frame, repeated int, ok bool) {
	after = max(after, s.start)
	if s.last() <= after {
		return nil, 0, true
	}
	if s.lastBefore(h.oldest()) > after {
		return nil, 0, false
	}
	bytes := 0
	for _, segment := range h.segments {
		begin := 0
		if after >= segment.first {
			begin = int(min(after-segment.first+1, offset(len(segment.entries))))
		}
		for i := begin; i < len(segment.entries); i++ {
			e, at := &segment.entries[i], segment.first+offset(i)
			if !s.wasSent(e, at) {
				continue
			}
			frames = append(frames, e.frames...)
			for _, f := range e.frames {
				bytes += len(f.Payload())
			}
			if at <= s.replayed {
				repeated += e.size()
			}
			if e.frames == nil || len(frames) >= h.queue.MaxQueuedMessages || bytes >= h.queue.MaxQueuedBytes {
				return nil, 0, false
			}
		}
	}
	return frames, repeated, true
}

// repeats is how often what may wait for a client may be replayed to a session once
// more, over its life. A client whose connection is cut during a replay needs that;
// one that comes back all the time, and claims to have seen nothing, would be sent
// megabytes for each handshake.
const repeats = 4

// replay notes that a session is replayed everything up to now, of which a part had
// been replayed before. It reports false if that is too much.
func (h *history) replay(s *session, repeated int) bool {
	if s.repeated+repeated > repeats*h.queue.MaxQueuedBytes {
		return false
	}
	s.repeated += repeated
	s.replayed = h.head
	return true
}
