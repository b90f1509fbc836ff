package engine

import (
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/internal/quiet"
)

// counters are what a server counts as it goes, so that to ask costs the same however
// many sessions there are.
type counters struct {
	start                 time.Time
	webSockets, upgrading atomic.Int64
	backlog               backlog

	opened, upgraded, slow atomic.Int64
	closedBy               [len(reasons)]atomic.Int64
	refusals               refusals
	panics                 quiet.Panics
}

// Stats are a server's counters at one moment. What has happened is counted since the
// server was made.
type Stats struct {
	Sessions   int // alive, by whatever transport
	Polling    int // of them, those that poll
	WebSockets int // of them, those over WebSocket
	Upgrading  int // of those that poll, those whose WebSocket is yet to take over

	QueuedMessages int64 // waiting for clients
	QueuedBytes    int64 // that those take

	Opened   int64            // sessions that have begun
	Upgraded int64            // of them, those that have moved from polling to WebSocket
	Closed   map[Reason]int64 // sessions that have ended, by the reason

	Panics        int64 // recovered from the user's functions
	SlowConsumers int64 // sessions that were cut because their clients do not read

	Refused map[int]int64 // requests that were refused, by the protocol's error code; those below too
	// Handshakes, but for the last, that were answered 503, with CodeBadRequest.
	RefusedShutdown int64 // after [Server.Refuse] or [Server.Shutdown]
	RefusedFull     int64 // beyond Config.MaxSessions
	RefusedBusy     int64 // beyond Config.MaxHandshakesPerSecond
	RefusedRouter   int64 // requests to sessions of another server that is overloaded: [ErrRouterBusy]
}

// Stats returns the server's counters. It costs as much whether there are ten sessions
// or a million.
func (s *Server) Stats() Stats {
	stats := Stats{
		Opened: s.opened.Load(), Upgraded: s.upgraded.Load(), Closed: make(map[Reason]int64),
		Panics: s.panics.Count(), SlowConsumers: s.slow.Load(),
	}
	for i, reason := range reasons {
		if n := s.closedBy[i].Load(); n > 0 {
			stats.Closed[reason] = n
		}
	}
	stats.QueuedMessages, stats.QueuedBytes = s.backlog.both()
	s.refusals.fill(&stats)
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Sessions, stats.WebSockets = len(s.sessions), int(s.webSockets.Load())
	stats.Polling = stats.Sessions - stats.WebSockets
	stats.Upgrading = int(s.upgrading.Load())
	return stats
}

// ClientsCount returns the number of sessions.
func (s *Server) ClientsCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}
