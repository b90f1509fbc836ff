package engine

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

// A crowding is why the server takes no new session for now, whoever asks.
type crowding uint8

const (
	uncrowded crowding = iota
	shuttingDown
	full        // Config.MaxSessions
	busy        // Config.MaxHandshakesPerSecond
	unreachable // ErrRouterBusy
	crowdings
)

// crowdRefusals must not be changed.
var crowdRefusals = [crowdings]*refusal{
	shuttingDown: {code: codeBadRequest, crowd: shuttingDown, message: "Server shutting down", context: "SERVER_SHUTDOWN"},
	full:         {code: codeBadRequest, crowd: full, message: "Server full", context: "SERVER_FULL"},
	busy:         {code: codeBadRequest, crowd: busy, message: "Server busy", context: "SERVER_BUSY"},
	unreachable:  {code: codeBadRequest, crowd: unreachable, message: "Server busy", context: "ROUTER_BUSY"},
}

// crowdHints tell an operator what to do, if there is anything.
var crowdHints = [crowdings]string{
	full:        "Config.MaxSessions is reached; raise it if there is memory for more, or add a node",
	busy:        "Config.MaxHandshakesPerSecond is reached; raise it if there is processor time for more, or add a node",
	unreachable: "too much is on its way to the node that has the session: that node, or what links the nodes, is overloaded",
}

// retryWithin is the most seconds after which clients are asked to come back. Each is
// told another number, or all would come back at once.
const retryWithin = 10

// turnAway refuses a handshake for the time being. It costs little: nobody is
// crowded out by those who are turned away.
func (s *Server) turnAway(r *Request, c crowding) Reply { return s.refuse(r, crowdRefusals[c]) }

func comeBackLater(message string) Reply {
	reply := errorReply(statusUnavailable, codeBadRequest, message)
	reply.Header["Retry-After"] = []string{strconv.Itoa(1 + rand.IntN(retryWithin))}
	return reply
}

// crowd tells whether a handshake would be turned away if it came to its end now, so
// that neither middlewares nor AllowRequest are bothered. It takes up nothing.
func (s *Server) crowd(r *Request) (crowding, bool) {
	if s.cfg.MaxSessions == 0 && s.bucket == nil || r.Method != "GET" {
		return 0, false
	}
	if q := r.query(); q.sid.n > 0 || q.transport.n != 1 || !slices.Contains(s.cfg.Transports, q.transport.value) {
		return 0, false
	}
	switch {
	case s.isFull():
		return full, true
	case s.bucket.isEmpty():
		return busy, true
	}
	return 0, false
}

// isFull reports whether there is no place for another session.
func (s *Server) isFull() bool {
	if s.cfg.MaxSessions == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isFullLocked()
}

func (s *Server) isFullLocked() bool {
	return s.cfg.MaxSessions > 0 && len(s.sessions)+s.reserved >= s.cfg.MaxSessions
}

// reserve keeps a place for the session of a WebSocket whose handshake the adapter
// is about to answer, or reports that there is none.
func (s *Server) reserve(u *Upgrade) bool {
	if s.cfg.MaxSessions == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isFullLocked() {
		return false
	}
	s.reserved++
	u.place = &expiry.Entry[*Upgrade]{Value: u}
	s.places.Add(u.place) // an adapter may fail, or forget
	return true
}

// unreserve gives the place of an upgrade up.
func (s *Server) unreserve(u *Upgrade) {
	if s.cfg.MaxSessions == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreserveLocked(u)
}

func (s *Server) unreserveLocked(u *Upgrade) {
	if u != nil && u.place != nil {
		s.places.Remove(u.place)
		u.place = nil
		s.reserved--
	}
}

// A bucket bounds how often something happens: so many times a second on average, and
// at once. It needs no goroutine and no lock: all that it has to know is when it will
// be full again, of tokens that come one an interval.
type bucket struct {
	start    time.Time
	interval time.Duration
	size     time.Duration // how long it takes to fill
	full     atomic.Int64  // when, after the start
}

// newBucket makes a full bucket; nil, for a rate of 0, is never empty.
func newBucket(perSecond int) *bucket {
	if perSecond == 0 {
		return nil
	}
	interval := time.Second / time.Duration(perSecond)
	return &bucket{start: time.Now(), interval: interval, size: interval * time.Duration(perSecond)}
}

// isEmpty reports whether take would fail.
func (b *bucket) isEmpty() bool {
	if b == nil {
		return false
	}
	_, ok := b.without(b.full.Load(), time.Since(b.start))
	return !ok
}

// take takes a token, or reports that there is none.
func (b *bucket) take() bool {
	if b == nil {
		return true
	}
	for now := time.Since(b.start); ; {
		at := b.full.Load()
		next, ok := b.without(at, now)
		if !ok {
			return false
		}
		if b.full.CompareAndSwap(at, next) {
			return true
		}
	}
}

// without returns when the bucket, which would be full at a time, would be so with a
// token less, and whether there is one.
func (b *bucket) without(at int64, now time.Duration) (next int64, ok bool) {
	then := max(time.Duration(at), now) + b.interval
	return int64(then), then-now <= b.size
}
