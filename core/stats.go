package socketio

import (
	"runtime/debug"
	"sync/atomic"

	"github.com/kawat-go/kawat/core/engine"
)

type counters struct {
	panics      atomic.Int64
	pendingAcks atomic.Int64

	droppedRoomEvents, droppedServerSide atomic.Int64
}

// Stats are a server's counters at one moment.
type Stats struct {
	Engine      engine.Stats
	Namespaces  int
	Sockets     int   // in all namespaces
	Rooms       int   // in all namespaces; the room that every socket has to itself is not counted
	PendingAcks int64 // that clients owe
	Recovery    RecoveryStats
	Panics      int64 // recovered from handlers and middleware since the start

	// What was dropped since the start, because functions of the program did not
	// keep up: see Config.MaxQueuedRoomEvents, MaxQueuedServerSideEvents.
	DroppedRoomEvents       int64
	DroppedServerSideEvents int64
}

// Stats returns the server's counters.
func (s *Server) Stats() Stats {
	stats := Stats{Engine: s.engine.Stats(), PendingAcks: s.pendingAcks.Load(), Panics: s.panics.Load()}
	stats.DroppedRoomEvents, stats.DroppedServerSideEvents = s.droppedRoomEvents.Load(), s.droppedServerSide.Load()
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

func (s *Server) reportPanic(what string, v any) {
	s.panics.Add(1)
	s.log.Error("panic in user code", "in", what, "panic", v, "stack", string(debug.Stack()))
}
