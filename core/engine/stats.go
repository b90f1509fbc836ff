package engine

import (
	"runtime/debug"
	"sync/atomic"

	"github.com/kawat-go/kawat/core/internal/quiet"
)

type counters struct {
	queued  atomic.Int64
	panics  atomic.Int64
	slow    atomic.Int64
	refused [codeProtocol + 1]atomic.Int64

	turnedAway     [crowdings]atomic.Int64
	turnedAwayLine [crowdings]quiet.Line
}

// Stats are a server's counters at one moment.
type Stats struct {
	Sessions      int           // alive, by whatever transport
	WebSockets    int           // of them, those over WebSocket
	QueuedBytes   int64         // waiting for clients
	Panics        int64         // recovered from the user's functions since the start
	SlowConsumers int64         // sessions ended with ReasonSlowConsumer since the start
	Refused       map[int]int64 // requests refused since the start, by the protocol's error code; those below too

	// Handshakes that were answered 503 since the start, with CodeBadRequest.
	RefusedShutdown int64 // after [Server.Refuse] or [Server.Shutdown]
	RefusedFull     int64 // beyond Config.MaxSessions
	RefusedBusy     int64 // beyond Config.MaxHandshakesPerSecond
}

// Stats returns the server's counters.
func (s *Server) Stats() Stats {
	stats := Stats{
		QueuedBytes:   s.queued.Load(),
		Panics:        s.panics.Load(),
		SlowConsumers: s.slow.Load(),
		Refused:       make(map[int]int64),

		RefusedShutdown: s.turnedAway[shuttingDown].Load(),
		RefusedFull:     s.turnedAway[full].Load(),
		RefusedBusy:     s.turnedAway[busy].Load(),
	}
	for code := range s.refused {
		if n := s.refused[code].Load(); n > 0 {
			stats.Refused[code] = n
		}
	}
	if n := stats.RefusedShutdown + stats.RefusedFull + stats.RefusedBusy; n > 0 {
		stats.Refused[codeBadRequest] += n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Sessions = len(s.sessions)
	for _, session := range s.sessions {
		if session.Transport() == WebSocket {
			stats.WebSockets++
		}
	}
	return stats
}

// ClientsCount returns the number of sessions.
func (s *Server) ClientsCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// guard calls a function of the user's, whose panic must hurt nobody else.
func (s *Server) guard(what string, f func()) {
	defer s.recovered(what)
	f()
}

// recovered, when deferred, stops a panic, and counts and logs it.
func (s *Server) recovered(what string) {
	if v := recover(); v != nil {
		s.panics.Add(1)
		s.cfg.Logger.Error("panic in user code", "in", what, "panic", v, "stack", string(debug.Stack()))
	}
}
