package engine

// The server pings; the client answers with a pong. The timer belongs to the
// session: a change of its transport does not touch it. Whether it waits for the
// time of the next ping or for the pong, waitsPong says, also when the session has
// ended.

var pingFrames = []*Frame{pingFrame}

// startHeartbeat is called for a new session, which nobody else knows yet.
func (s *Session) startHeartbeat() {
	if s.legacy.isRev3() {
		s.expectPing()
		return
	}
	s.server.pings.Add(&s.beat)
}

// stopHeartbeat is called for a session that has ended.
func (s *Session) stopHeartbeat() {
	if s.legacy.isRev3() {
		s.server.silences.Remove(&s.beat)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waitsPong {
		s.server.pongs.Remove(&s.beat)
	} else {
		s.server.pings.Remove(&s.beat)
	}
}

// sendPing is called a ping interval after the session's beginning and after each
// of the client's pongs.
func (s *Session) sendPing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return
	}
	s.waitsPong, s.refreshed = true, false
	s.noteProgress()
	s.server.pongs.Add(&s.beat)
	if s.enqueue(pingFrames) { // else the pong will not come, and that ends the session
		s.flush()
	}
}

// alive notes that a packet has arrived, and returns the session's state. As in
// the reference, the first packet other than the pong that comes while a ping is
// out puts off the ping timeout once: a large upload may stand before the pong.
func (s *Session) alive(pong bool) state {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.waitsPong || s.state == closed:
	case pong:
		s.waitsPong = false
		s.server.pongs.Remove(&s.beat)
		s.server.pings.Add(&s.beat)
	case !s.refreshed:
		s.refreshed = true
		s.server.pongs.Add(&s.beat)
	}
	return s.state
}

// pingTimedOut is called when the ping timeout has passed without being put off.
func (s *Session) pingTimedOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waitsPong || s.state == closed {
		return
	}
	if s.pingUnderway() {
		s.server.pongs.Add(&s.beat)
		return
	}
	if !s.receiving.TryLock() {
		// The receiver is busy with a message, so nothing is read: that the pong
		// has not been seen is not the client's fault.
		s.server.pongs.Add(&s.beat)
		return
	}
	s.receiving.Unlock()
	go s.end(ReasonPingTimeout, nil) // the user's Close must not hold up the queue
}

// progress is how far a connection had come when a ping was sent, in bytes.
type progress struct {
	taken int64 // by the client
	ping  int64 // where the ping begins, or a little before
}

// noteProgress is called before a ping is queued, with s.mu held.
func (s *Session) noteProgress() {
	s.progress = progress{}
	if c, ok := s.conn.(MeteredConn); ok {
		if taken, sent, ok := c.Progress(); ok {
			s.progress = progress{taken: taken, ping: sent}
			if s.queue != nil {
				s.progress.ping += int64(s.queue.bytes)
			}
		}
	}
}

// pingUnderway reports whether the ping still stands behind what was sent before it,
// to a client that gets on with that: a large download may stand before the ping. The
// caller holds s.mu.
func (s *Session) pingUnderway() bool {
	c, ok := s.conn.(MeteredConn)
	if !ok || s.progress.ping == 0 { // the ping went by another transport
		return false
	}
	taken, _, ok := c.Progress()
	if !ok || taken <= s.progress.taken || taken > s.progress.ping && !s.writing {
		return false
	}
	s.progress.taken = taken
	return true
}
