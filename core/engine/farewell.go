package engine

import (
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

// farewellTime is how long a session that its client has closed is remembered.
const farewellTime = 100 * time.Millisecond

// A farewell remembers a session that its client has closed by a POST while no
// poll was there: the client's last poll may have been overtaken on its way, and
// is owed the answer that it would have had.
type farewell struct {
	session *Session
	timer   expiry.Entry[*farewell]
}

// expectPoll lets one poll of a session that is about to end be answered.
func (s *Session) expectPoll() {
	s.mu.Lock()
	answered := s.polling
	s.mu.Unlock()
	if answered {
		return
	}
	f := &farewell{session: s}
	f.timer.Value = f
	s.server.mu.Lock()
	s.server.farewells[s.id] = f
	s.server.mu.Unlock()
	s.server.farewellTimes.Add(&f.timer)
}

// overtaken returns the session of a poll that was overtaken by its end, or nil. It
// does so once.
func (s *Server) overtaken(r *Request) *Session {
	if r.Method != "GET" {
		return nil
	}
	query := r.query()
	s.mu.Lock()
	f := s.farewells[query.sid.value]
	s.mu.Unlock()
	if f == nil || !s.forgetFarewell(f) {
		return nil
	}
	return f.session
}

// forgetFarewell reports whether the farewell was still to be said.
func (s *Server) forgetFarewell(f *farewell) bool {
	s.farewellTimes.Remove(&f.timer)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.farewells[f.session.id] != f {
		return false
	}
	delete(s.farewells, f.session.id)
	return true
}
