package engine

import (
	"time"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// In revision 3 the client pings; the server answers with a pong, and ends the
// session of a client that is silent for a ping interval and a ping timeout. Only a
// ping puts that off, whatever transport brings it.

var pongFrame = packetFrame(eio.Pong, "")

// receivedRev3 is [Session.received] for revision 3.
func (s *Session) receivedRev3(p eio.Packet) error {
	switch s.aliveRev3(p.Type == eio.Ping) {
	case closed:
		return ErrClosed
	case closing:
		return nil
	}
	switch p.Type {
	case eio.Message:
		s.deliver(p)
	case eio.Ping:
		_ = s.SendFrames(pongFrame) // one that cannot be sent has ended the session
	case eio.Pong:
		s.end(ReasonTransportError, errHeartbeat)
		return errHeartbeat
	}
	return nil
}

// aliveRev3 notes a packet that has arrived, and returns the session's state.
func (s *Session) aliveRev3(ping bool) state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ping && s.state != closed {
		s.expectPing()
	}
	return s.state
}

// expectPing lets the time begin in which the client has to ping. The caller holds
// s.mu, or is the only one who knows the session.
func (s *Session) expectPing() {
	s.legacy.heard = time.Now()
	s.server.silences.Add(&s.beat)
}

// fellSilent is called when no ping has come for too long.
func (s *Session) fellSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed || time.Since(s.legacy.heard) < s.server.silence() {
		return // a ping has come just now
	}
	if !s.receiving.TryLock() {
		// The receiver is busy, so nothing is read: see pingTimedOut.
		s.server.silences.Add(&s.beat)
		return
	}
	s.receiving.Unlock()
	go s.end(ReasonPingTimeout, nil)
}

// silence is how long a client of revision 3 may go without a ping.
func (s *Server) silence() time.Duration { return s.cfg.PingInterval + s.cfg.PingTimeout }
