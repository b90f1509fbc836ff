package socketio

import (
	"sync/atomic"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/internal/quiet"
)

type counters struct {
	panics                            quiet.Panics
	pendingAcks, ackTimeouts, refused atomic.Int64
	waiting                           atomic.Int64 // readers, for room in an inbox
	lines                             [logLines]quiet.Line

	droppedRoomEvents, droppedServerSide atomic.Int64
	ignoredMail                          atomic.Int64
}

// Stats are a server's counters at one moment. What has happened is counted since the
// server was made.
type Stats struct {
	Engine      engine.Stats
	Namespaces  int
	Sockets     int   // in all namespaces
	Rooms       int   // in all namespaces; the room that every socket has to itself is not counted
	PendingAcks int64 // that clients owe
	AckTimeouts int64 // acks that have not come in time
	Refused     int64 // wishes of clients to join a namespace that were refused
	Recovery    RecoveryStats
	Backplane   BackplaneStats
	Panics      int64 // recovered from handlers and middleware; those of the engine's hooks are the engine's

	Working int   // sockets whose handlers or functions run, or are about to
	Waiting int64 // connections that are not read, because a socket's queue of events is full

	// What was dropped, because functions of the program did not
	// keep up: see Config.MaxQueuedRoomEvents, MaxQueuedServerSideEvents.
	DroppedRoomEvents       int64
	DroppedServerSideEvents int64

	Relay RelayStats // where nodes share their clients' sessions

	// IgnoredMail counts what other nodes of Kawat's have sent to this one that it does
	// not understand, such as what a newer version says.
	IgnoredMail int64
}

// Stats returns the server's counters. It costs the same however many sockets there
// are, and a little for each namespace.
func (s *Server) Stats() Stats {
	stats := Stats{
		Engine: s.engine.Stats(), PendingAcks: s.pendingAcks.Load(), AckTimeouts: s.ackTimeouts.Load(), Refused: s.refused.Load(),
		Panics: s.panics.Count(), Working: s.workers.count(), Waiting: s.waiting.Load(),
	}
	stats.DroppedRoomEvents, stats.DroppedServerSideEvents = s.droppedRoomEvents.Load(), s.droppedServerSide.Load()
	stats.Relay = s.relayStats()
	stats.IgnoredMail = s.ignoredMail.Load()
	stats.Backplane = s.cluster.stats()
	s.mu.RLock()
	defer s.mu.RUnlock()
	stats.Namespaces = len(s.namespaces)
	for _, n := range s.namespaces {
		sockets, rooms := n.size()
		stats.Sockets += sockets
		stats.Rooms += rooms
		stats.Recovery.add(n)
	}
	return stats
}
