package socketio

import (
	"fmt"
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

// A Recovery configures connection state recovery: a client whose connection was
// cut, and that comes back in time, goes on as the same socket, with its id, rooms
// and data, and is sent what it has missed. The zero Recovery is of use as it is.
//
// It covers events without an ack that are not volatile. Such an event reaches the
// client with one more argument, a text that says where it stands in the order;
// stock clients expect it from the 4.6.0 release on.
type Recovery struct {
	// MaxDisconnectionDuration is how long a client may be away. Default 2 min.
	MaxDisconnectionDuration time.Duration
	// SkipMiddlewares spares a client that recovers the namespace's middleware.
	// The reference does so by default; here middleware runs, sees
	// [Socket.Recovered], and can refuse, since who was welcome two minutes ago
	// may not be so now.
	SkipMiddlewares bool
	// MaxPackets and MaxBytes bound the events that each namespace remembers. A
	// client that has missed one that is forgotten starts anew. Default 10,000
	// and 16 MiB.
	MaxPackets int
	MaxBytes   int
	// MaxSessions bounds the clients that are away and can come back, in each
	// namespace; beyond it the one that has been away longest cannot, first of those
	// who were connected for less than PingInterval, then of the others. Default
	// 10,000.
	MaxSessions int
}

func (r Recovery) withDefaults() (*Recovery, error) {
	setDefault(&r.MaxDisconnectionDuration, 2*time.Minute)
	setDefault(&r.MaxPackets, 10_000)
	setDefault(&r.MaxBytes, 16<<20)
	setDefault(&r.MaxSessions, 10_000)
	for name, value := range map[string]int64{
		"MaxDisconnectionDuration": int64(r.MaxDisconnectionDuration), "MaxPackets": int64(r.MaxPackets),
		"MaxBytes": int64(r.MaxBytes), "MaxSessions": int64(r.MaxSessions),
	} {
		if value < 0 {
			return nil, fmt.Errorf("socketio: Config.ConnectionStateRecovery.%s must not be negative; leave it 0 for the default", name)
		}
	}
	return &r, nil
}

// logAge returns how long events are remembered: as long as a client can be away
// whose connection was cut up to a heartbeat before that was noticed.
func (s *Server) logAge() time.Duration {
	cfg := s.engine.Config()
	return s.cfg.ConnectionStateRecovery.MaxDisconnectionDuration + cfg.PingInterval + 2*cfg.PingTimeout
}

// startRecovery makes what the namespaces' histories share.
func (s *Server) startRecovery() {
	s.logTimes = expiry.New(s.logAge()+s.cfg.ConnectionStateRecovery.MaxDisconnectionDuration/segmentsPerLog, (*segment).expired)
	s.lapses = expiry.New(s.cfg.ConnectionStateRecovery.MaxDisconnectionDuration, (*session).lapsed)
}

// remember lets the namespace's clients recover, if the configuration says so.
func (n *Namespace) remember() {
	limits := n.server.cfg.ConnectionStateRecovery
	if limits == nil {
		return
	}
	n.history = &history{
		limits: *limits, epoch: newEpoch(), away: newRoster(), sessions: make(map[string]*session),
		queue: n.server.engine.Config(), age: n.server.logTimes, lapses: n.server.lapses,
	}
}

// RecoveryStats are the counters of connection state recovery at one moment, of
// all namespaces together.
type RecoveryStats struct {
	Away      int   // clients that may come back
	Packets   int   // events that are remembered
	Bytes     int   // that those take
	Recovered int64 // clients that came back, since the start
	Refused   int64 // clients that came back too late, or asked for what was not there
}

func (r *RecoveryStats) add(n *Namespace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.history; h != nil {
		r.Away += len(h.away.sockets)
		r.Packets += h.events
		r.Bytes += h.bytes
		r.Recovered += h.recovered
		r.Refused += h.refused
	}
}
