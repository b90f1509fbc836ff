package engine

// sessionEvents are the functions that a session's user has added to it. Few
// sessions have any.
type sessionEvents struct {
	upgrade []func()
	close   []func(reason Reason, cause error)
}

// RemoteAddr returns the address of the peer that began the session, "host:port":
// a proxy's, if there is one in front that Config.TrustedProxies does not have.
func (s *Session) RemoteAddr() string { return s.handshake.remoteAddr() }

// Upgraded reports whether the session has moved from polling to WebSocket. One
// that began over WebSocket has not.
func (s *Session) Upgraded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upgraded
}

// OnUpgrade adds a function that is called when the session has moved from polling
// to WebSocket, before anything that comes by the latter is handled; at once if it
// has moved. A session that never moves never calls it.
func (s *Session) OnUpgrade(f func()) {
	s.mu.Lock()
	if s.upgraded {
		s.mu.Unlock()
		s.server.Call("Session.OnUpgrade", f)
		return
	}
	defer s.mu.Unlock()
	if s.state != closed {
		e := s.ownEvents()
		e.upgrade = append(e.upgrade, f)
	}
}

// OnClose adds a function that is called when the session has ended, after
// [Receiver].Close; at once if it has ended.
func (s *Session) OnClose(f func(reason Reason, cause error)) {
	s.mu.Lock()
	if s.state == closed {
		why := s.ending
		s.mu.Unlock()
		s.server.Call("Session.OnClose", func() { f(why.reason, why.cause) })
		return
	}
	defer s.mu.Unlock()
	e := s.ownEvents()
	e.close = append(e.close, f)
}

// ownEvents returns the session's functions; the caller holds s.mu.
func (s *Session) ownEvents() *sessionEvents {
	if s.events == nil {
		s.events = new(sessionEvents)
	}
	return s.events
}

// tellUpgrade calls the functions of a session that has just moved.
func (s *Session) tellUpgrade() {
	s.mu.Lock()
	var fs []func()
	if s.events != nil {
		fs, s.events.upgrade = s.events.upgrade, nil
	}
	s.mu.Unlock()
	for _, f := range fs {
		s.server.Call("Session.OnUpgrade", f)
	}
}

// tellClose calls the functions of a session that has ended.
func (s *Session) tellClose(events *sessionEvents, reason Reason, cause error) {
	if events == nil {
		return
	}
	for _, f := range events.close {
		s.server.Call("Session.OnClose", func() { f(reason, cause) })
	}
}
