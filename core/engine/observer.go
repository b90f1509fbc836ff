package engine

import (
	"slices"
	"time"
)

// An Observer is told what happens, for metrics and the like: see [Config].Observer.
// Each of its functions may be nil, and then costs nothing. They are called where the
// thing happens, possibly several at once, and must not wait: what they do, clients
// wait for. A panic in one is stopped and counted. The server copies the Observer, so
// later changes have no effect.
//
// What clients choose, such as the context of a refusal, must not become a label of a
// metric as it is: they could make any number of time series.
type Observer struct {
	// SessionOpened: a session has begun, over either transport.
	SessionOpened func(s *Session)
	// SessionUpgraded: a session has moved from polling to WebSocket.
	SessionUpgraded func(s *Session)
	// SessionClosed: a session has ended, and all that had to do with it knows. It is
	// told once for each session, after SessionOpened.
	SessionClosed func(s *Session, reason Reason, cause error, lasted time.Duration)
	// SlowConsumer: a client has let more pile up than the limits allow, and its
	// session will end with [ReasonSlowConsumer]. This is how much waited.
	SlowConsumer func(s *Session, messages, bytes int)
	// RequestRefused: a request was refused. Those that are answered 503, because the
	// server is full, busy or shutting down, come here as well.
	RequestRefused func(e ConnectionError)
	// PanicRecovered: a function of the program has panicked. In says which one; it can
	// be an event's name, which a client has chosen.
	PanicRecovered func(in string, value any, stack []byte)
}

// What follows is the only place that counts, logs and tells the observer.

// noteOpened is called when a session is registered, and nobody else has heard of it.
func (s *Server) noteOpened(session *Session) {
	s.opened.Add(1)
	if f := s.observer.SessionOpened; f != nil {
		s.Call("Observer.SessionOpened", func() { f(session) })
	}
}

func (s *Server) noteUpgraded(session *Session) {
	s.upgraded.Add(1)
	if f := s.observer.SessionUpgraded; f != nil {
		s.Call("Observer.SessionUpgraded", func() { f(session) })
	}
}

// noteClosed is called once for each session, when its receiver has been told.
func (s *Server) noteClosed(session *Session, why *ending) {
	s.closedBy[reasonIndex(why.reason)].Add(1)
	if f := s.observer.SessionClosed; f != nil {
		lasted := time.Since(s.start) - session.opened
		s.Call("Observer.SessionClosed", func() { f(session, why.reason, why.cause, lasted) })
	}
}

func (s *Server) noteSlow(session *Session, messages, bytes int) {
	s.slow.Add(1)
	if f := s.observer.SlowConsumer; f != nil {
		s.Call("Observer.SlowConsumer", func() { f(session, messages, bytes) })
	}
}

// noteRefused also tells those that OnConnectionError has added.
func (s *Server) noteRefused(r *Request, why *refusal) {
	first := s.refusals.count(why).Add(1) == 1
	s.logRefused(r, why, first)
	functions, f := s.connectionErrors.all(), s.observer.RequestRefused
	if len(functions) == 0 && f == nil {
		return
	}
	e := ConnectionError{Request: r, Code: why.code, Message: why.message, Context: why.context, Cause: why.cause}
	for _, f := range functions {
		s.Call("OnConnectionError", func() { f(e) })
	}
	if f != nil {
		s.Call("Observer.RequestRefused", func() { f(e) })
	}
}

// notePanic is called in what was deferred.
func (s *Server) notePanic(in string, value any) {
	f := s.observer.PanicRecovered
	if f == nil {
		s.panics.Note(s.log, in, value, nil)
		return
	}
	s.panics.Note(s.log, in, value, func(in string, value any, stack []byte) {
		defer func() { // of the panic of who is told of panics nobody can be told
			if v := recover(); v != nil {
				s.panics.Note(s.log, "Observer.PanicRecovered", v, nil)
			}
		}()
		f(in, value, stack)
	})
}

// reasons are those that sessions end for.
var reasons = [...]Reason{
	ReasonTransportClose, ReasonTransportError, ReasonParseError, ReasonPingTimeout, ReasonForcedClose,
	ReasonServerShutdown, ReasonDrained, ReasonSlowConsumer,
}

func reasonIndex(r Reason) int { return max(slices.Index(reasons[:], r), 0) }
