package engine

import (
	"net/url"
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

// farewellTime is how long a session that its client has closed is remembered.
const farewellTime = 100 * time.Millisecond

// A farewell remembers a session that its client has closed by a POST while no
// poll was there: the client's last poll may have been overtaken on its way, and
// is owed the answer that it would have had.
type farewell struct {
	sid   string
	timer expiry.Entry[*farewell]
}

// expectPoll lets one poll of a session that is about to end be answered.
func (s *Session) expectPoll() {
	s.mu.Lock()
	answered := s.polling
	s.mu.Unlock()
	if answered {
		return
	}
	f := &farewell{sid: s.id}
	f.timer.Value = f
	s.server.mu.Lock()
	s.server.farewells[s.id] = f
	s.server.mu.Unlock()
	s.server.farewellTimes.Add(&f.timer)
}

// overtaken reports whether the request is a poll that was overtaken by the end of
// its session. It does so once.
func (s *Server) overtaken(r *Request) bool {
	query, err := url.ParseQuery(r.RawQuery)
	if err != nil || r.Method != "GET" {
		return false
	}
	s.mu.Lock()
	f := s.farewells[query.Get("sid")]
	s.mu.Unlock()
	return f != nil && s.forgetFarewell(f)
}

// forgetFarewell reports whether the farewell was still to be said.
func (s *Server) forgetFarewell(f *farewell) bool {
	s.farewellTimes.Remove(&f.timer)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.farewells[f.sid] != f {
		return false
	}
	delete(s.farewells, f.sid)
	return true
}
