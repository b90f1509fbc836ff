package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// A registry knows the sessions and connections that are alive.
type registry struct {
	mu        sync.Mutex
	sessions  map[string]*Session
	conns     map[Conn]struct{} // also those whose session has ended
	farewells map[string]*farewell
	tunnels   map[Conn]Tunnel // of those conns whose session another server has
	routing   int             // requests that another server answers
	reserved  int             // places of sessions to come, over WebSockets whose handshake is being answered
	closed    bool            // to new sessions
	leaving   bool            // Shutdown or Close was called
	idle      chan struct{}   // closed when, after new ones were refused, nothing is left
	pacing    chan struct{}   // of size 1: full while Drain sends clients away
}

func newRegistry() registry {
	return registry{
		sessions: make(map[string]*Session), conns: make(map[Conn]struct{}), farewells: make(map[string]*farewell),
		tunnels: make(map[Conn]Tunnel),
		idle:    make(chan struct{}), pacing: make(chan struct{}, 1),
	}
}

var (
	errShutdown    = errors.New("engine: the server is shutting down")
	errFull        = errors.New("engine: there are as many sessions as Config.MaxSessions allows")
	errDuplicateID = errors.New("engine: Config.GenerateID returned an id that is in use")
)

func (s *Server) session(id string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// register files a session and starts its heartbeat. The upgrade that it comes of, if
// any, may have kept a place for it.
func (s *Server) register(session *Session, u *Upgrade) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreserveLocked(u)
	if s.closed {
		return errShutdown
	}
	if s.isFullLocked() {
		return errFull
	}
	if s.sessions[session.id] != nil {
		return errDuplicateID
	}
	s.sessions[session.id] = session
	if session.conn != nil {
		s.webSockets.Add(1)
	}
	session.startHeartbeat()
	return nil
}

// forget removes a session that has ended and whose receiver knows.
func (s *Server) forget(session *Session) {
	transport := session.Transport() // which does not change any more
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[session.id] == session {
		delete(s.sessions, session.id)
		if transport == WebSocket {
			s.webSockets.Add(-1)
		}
	}
	s.signalIdle()
}

func (s *Server) track(c Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *Server) untrack(c Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.signalIdle()
}

// signalIdle is called with s.mu held whenever something has gone.
func (s *Server) signalIdle() {
	if !s.closed || len(s.sessions) > 0 || len(s.conns) > 0 || s.routing > 0 {
		return
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Refuse refuses new sessions from now on, with status 503 and a Retry-After; those
// that are there go on. It is the first step of [Server.Drain] and [Server.Shutdown].
func (s *Server) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuseNew()
}

// refuseNew is called with s.mu held.
func (s *Server) refuseNew() {
	s.closed = true
	s.signalIdle()
}

// Shutdown refuses new sessions, delivers what is queued, and ends every session
// with [ReasonServerShutdown]. It returns when all are gone, or when ctx ends:
// then it drops those that are left and reports how many they were. Where others
// take over, call [Server.Drain] first. Call both before the host's own shutdown,
// which would wait for polls and not know of
// WebSockets.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, session := range s.beginShutdown() {
		go session.close(ReasonServerShutdown) // its receiver may take its time
	}
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
	}
	if n := s.dropAll(); n > 0 {
		return fmt.Errorf("engine: %d clients had not confirmed the shutdown and were dropped: %w", n, ctx.Err())
	}
	return nil
}

// Close ends every session at once. Prefer [Server.Shutdown], which lets clients
// be told.
func (s *Server) Close() error {
	sessions := s.beginShutdown()
	atOnce(sessions, func(session *Session) { session.close(ReasonServerShutdown) })
	s.dropAll()
	return nil
}

// atOnce calls f for all sessions side by side, and waits a moment: the user's
// functions may take their time, and the sessions of others must not wait for them.
func atOnce(sessions []*Session, f func(*Session)) {
	var all sync.WaitGroup
	for _, session := range sessions {
		all.Go(func() { f(session) })
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	timer := time.NewTimer(dropGrace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func (s *Server) beginShutdown() []*Session {
	s.mu.Lock()
	s.leaving = true
	s.refuseNew()
	sessions, tunnels := slices.Collect(maps.Values(s.sessions)), slices.Collect(maps.Values(s.tunnels))
	s.mu.Unlock()
	for _, t := range tunnels {
		t.Leave()
	}
	if router := s.router.Load(); router != nil {
		(*router).Release()
	}
	return sessions
}

// dropGrace is how long Close and the end of Shutdown wait for the user's functions.
const dropGrace = 50 * time.Millisecond

// left returns how many clients are there, the sessions, and the connections that are
// none of theirs: those whose session has ended, and those that ask to take over. The
// caller holds s.mu.
func (s *Server) left() (n int, sessions []*Session, others []Conn) {
	theirs := make(map[Conn]struct{}, len(s.sessions))
	n = len(s.sessions) + len(s.conns)
	for _, session := range s.sessions {
		sessions = append(sessions, session)
		conn, candidate := session.conns()
		for _, c := range []Conn{conn, candidate} {
			if _, ok := s.conns[c]; ok {
				n-- // one client
			}
		}
		theirs[conn] = struct{}{}
	}
	for c := range s.conns {
		if _, ok := theirs[c]; !ok {
			others = append(others, c)
		}
	}
	return n, sessions, others
}

// conns returns the session's connection, and the one that asks to take over; nil where
// there is none.
func (s *Session) conns() (conn, candidate Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.candidate != nil {
		candidate = s.candidate.conn
	}
	return s.conn, candidate
}

// dropAll drops what is left, and returns how many clients that hit. It is done with
// nearly all of them when it returns, but does not take longer for the rest.
func (s *Server) dropAll() int {
	s.mu.Lock()
	n, sessions, others := s.left()
	s.mu.Unlock()
	grace := time.After(dropGrace)
	var ending sync.WaitGroup
	for _, session := range sessions { // each by itself: a receiver's Close may take its time
		ending.Go(session.drop)
	}
	ending.Go(func() {
		for _, c := range others {
			c.Abort()
		}
	})
	ended := make(chan struct{})
	go func() { ending.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-grace:
	}
	return n
}
