package socketio

import (
	"context"
	"log/slog"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// connect handles a client's wish to join a namespace.
func (c *conn) connect(p packet.Incoming) {
	c.mu.Lock()
	joined, asking := c.find(p.Namespace), c.isAsking(p.Namespace)
	tooMany := len(c.sockets)+len(c.asking) >= c.server.cfg.MaxNamespaces || int(c.refused) >= c.server.cfg.MaxNamespaces
	c.mu.Unlock()
	switch {
	case asking || joined != nil && !joined.Connected():
		// Said twice before the first could be answered: there is one answer.
	case joined != nil:
		c.violated("second CONNECT for a namespace")
	case tooMany:
		c.violated("too many namespaces")
	default:
		c.enter(p)
	}
}

func (c *conn) enter(p packet.Incoming) {
	n := c.server.enter(p.Namespace)
	switch {
	case n != nil:
		c.join(n, p.Args)
	case len(load(&c.server.dynamic.parents)) > 0:
		c.ask(p)
	default:
		c.refuse(p.Namespace, errInvalidNamespace)
	}
}

// refuse answers a CONNECT with an error, unless that is one too many: several may
// have been decided on at the same time.
func (c *conn) refuse(namespace string, why *Error) {
	c.mu.Lock()
	c.refused++
	tooMany := int(c.refused) > c.server.cfg.MaxNamespaces
	c.mu.Unlock()
	if tooMany {
		c.violated("too many namespaces")
		return
	}
	c.noteRefused(namespace, why)
	frames, err := c.refusal(namespace, why)
	if err != nil {
		c.server.say(context.Background(), lineRefusal, slog.LevelError, "an error cannot be sent; the client is told \"internal error\"",
			"namespace", logName(namespace), "error", logError{err})
		frames, err = c.refusal(namespace, internalError)
	}
	if err == nil {
		_ = c.session.SendFrames(frames...) // who has left needs no answer
	}
}

func (c *conn) refusal(namespace string, why *Error) ([]*engine.Frame, error) {
	if c.legacy {
		return c.legacyRefusal(namespace, why)
	}
	return c.server.encode(packet.Outgoing{
		Type: packet.ConnectError, Namespace: namespace, ID: packet.NoID, Args: []any{errorObject(*why)},
	}, true)
}

// join makes a socket and lets the namespace's middleware decide on it. The
// middleware has a goroutine of its own, since it may take its time. The namespace
// has been entered, and is released at the end of the socket.
func (c *conn) join(n *Namespace, auth packet.Args) {
	s := &Socket{namespace: n, conn: c, id: c.newSocketID(n.name)}
	if auth.Len() > 0 {
		own := auth
		s.auth = &own
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		s.end(ReasonTransportClose)
		return
	}
	c.asked(n.name)
	c.sockets = append(c.sockets, s)
	delete(c.left, n.name)
	c.mu.Unlock()
	c.server.workers.add()
	go func() {
		defer c.server.workers.done()
		defer c.server.recovered("CONNECT")
		s.connect()
	}()
}

// connect runs the middleware and answers the client.
func (s *Socket) connect() {
	err := errPanic
	defer func() { s.decided(err) }() // also if a middleware ends its goroutine
	if failed := s.namespace.awaitSetup(s); failed != nil {
		err = failed
		return
	}
	s.file()
	if recovery := s.server().cfg.ConnectionStateRecovery; s.recovered && recovery.SkipMiddlewares {
		err = nil
		return
	}
	err = s.runMiddleware()
}

// decided answers a CONNECT as the middleware has decided.
func (s *Socket) decided(err error) {
	answered := false
	defer func() {
		if !answered { // since the codec has ended the goroutine, or worse
			s.conn.violated("no answer")
		}
	}()
	s.server().guard("CONNECT", func() {
		s.decide(err)
		answered = true
	})
}

func (s *Socket) decide(err error) {
	if err != nil {
		s.conn.forget(s, false)
		s.end(ReasonForcedClose)
		s.conn.refuse(s.namespace.name, disclosed(err))
		return
	}
	answer, err := s.namespace.encode(packet.Outgoing{
		Type: packet.Connect, ID: packet.NoID, Args: s.connectArgs(),
	}, true)
	if err != nil {
		s.server().say(s.Context(), lineAnswer, slog.LevelError, "a CONNECT cannot be answered: Config.Codec fails", "error", logError{err})
		s.conn.violated("no answer")
		return
	}
	funcs := len(s.namespace.connectionFuncs())
	if funcs > 0 || s.namespace.history != nil {
		s.inbox.connect(s.recovered)
	}
	before, ok := s.open(answer)
	if !ok {
		return
	}
	s.noteConnected()
	s.namespace.tellRoomsSoon()
	s.conn.hasJoined()
	s.conn.session.Flush()
	if before != nil {
		s.replace(before)
	}
	if funcs > 0 && s.conn.session.Transport() == engine.WebSocket {
		s.pause(answerLead)
	}
	s.inbox.release(s)
}

// answerLead is how long the answer to a CONNECT is on its way before the
// OnConnection functions run. The reference takes about as long for reasons of its
// own, and clients that wait for one message after another, such as the protocol's
// test suite, lose an event that reaches them in one read with the answer.
const answerLead = 2 * time.Millisecond

// pause waits, but not beyond the socket's end. It does not wait for that by the
// socket's context, which would be kept for good, and its channel with it.
func (s *Socket) pause(d time.Duration) {
	ended := make(chan struct{})
	s.mu.Lock()
	if s.gone() {
		s.mu.Unlock()
		return
	}
	s.pausing = ended
	s.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ended:
	}
	s.mu.Lock()
	s.pausing = nil
	s.mu.Unlock()
}

type connectAnswer struct {
	SID string `json:"sid"`
	PID string `json:"pid,omitempty"` // the key to the session, if the client can recover it
}

func (s *Socket) connectAnswer() connectAnswer {
	answer := connectAnswer{SID: s.id}
	if s.session != nil {
		answer.PID = s.session.pid
	}
	return answer
}

// open makes the socket a connected member of its namespace, unless its end came
// first. It returns the socket whose session this one goes on with, if there is
// one.
func (s *Socket) open(answer []*engine.Frame) (before *Socket, opened bool) {
	before, admitted, err := s.namespace.admit(s, answer)
	if err == nil {
		return before, admitted
	}
	if !s.change(connected, connecting) && err != errTaken {
		return before, true // its end came in between, and is that of one that was connected
	}
	s.neverHeard(before) // nobody has seen it, so nobody hears of its end
	s.end(ReasonTransportClose)
	if err == errTaken {
		s.conn.close(ReasonForcedClose)
	}
	return before, false
}

func (s *Socket) change(from, to socketState) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase.CompareAndSwap(uint32(from), uint32(to))
}

func (s *Socket) is(state socketState) bool {
	return socketState(s.phase.Load()) == state
}

// runMiddleware asks the namespace's middleware, each with the context of the one
// before.
func (s *Socket) runMiddleware() error {
	for _, m := range s.namespace.middlewares() {
		ctx := s.Context()
		var next context.Context
		err := errPanic
		s.server().guard("Use", func() {
			var failed error
			next, failed = m(ctx, s)
			err = vetted(failed)
		})
		if err != nil {
			if err != error(disclosed(err)) && err != errPanic {
				s.server().say(ctx, lineMiddleware, slog.LevelWarn, "middleware failed; the client is told \"internal error\"",
					"namespace", logName(s.namespace.name), "error", logError{err})
			}
			return err
		}
		if next != nil && next != ctx {
			s.adopt(ctx, next)
		}
	}
	return nil
}

// adopt makes next the socket's context, and lets it end with the socket also where
// it does not descend from ctx, the one before. One that does, and adds but values,
// does so anyway: a second cancellation around it would cost 330 bytes.
func (s *Socket) adopt(ctx, next context.Context) {
	cancel := context.CancelCauseFunc(nil)
	if next.Done() != ctx.Done() {
		next, cancel = context.WithCancelCause(next)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = next
	if cancel == nil {
		return
	}
	if s.gone() {
		cancel(ErrDisconnected)
	}
	outer := s.cancel
	s.cancel = func(cause error) { cancel(cause); outer(cause) }
}
