package socketio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A DedupeConfig says how [Deduplicate] knows an event again, and for how long.
type DedupeConfig struct {
	// ID returns the id that the client gave an event, such as [IDFromField]. Two
	// events of one name, namespace and scope that have one id are the same event;
	// their other arguments are not compared. false leaves the event alone.
	// Required.
	ID func(e *Event) (id string, ok bool)
	// Scope returns whose events a socket sends: who can name a scope and an id
	// is given the ack. It must be the same before and after a reconnect, which a
	// socket's id is not: a user's id that middleware has checked, or a secret
	// that the client has made for itself. "" leaves the socket's events alone.
	// Required.
	Scope func(s *Socket) string

	// Window is how long an event is remembered after its handler has returned.
	// Default 5 min.
	Window time.Duration
	// MaxEntries and MaxBytes bound what is remembered: events, and the bytes of
	// their ids and acks. Beyond them the oldest go first, whatever the window.
	// Those whose handlers still run come on top. Default 10,000 and 16 MiB.
	MaxEntries int
	MaxBytes   int

	// Remember decides whether an event whose handler failed before it
	// acknowledged is remembered: then a repeat is told of the same error, else
	// it is handled again. A panic is [ErrPanic]. Default: only if the error is
	// an *[Error], which is an answer.
	Remember func(e *Event, err error) bool
}

// Check returns an error if the configuration makes no sense. [Deduplicate] panics
// with it.
func (c DedupeConfig) Check() error {
	switch {
	case c.ID == nil:
		return errors.New("socketio: DedupeConfig.ID must be set: by what is an event known again?")
	case c.Scope == nil:
		return errors.New("socketio: DedupeConfig.Scope must be set: whose events are they?")
	}
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"Window", int64(c.Window)}, {"MaxEntries", int64(c.MaxEntries)}, {"MaxBytes", int64(c.MaxBytes)},
	} {
		if field.value < 0 {
			return fmt.Errorf("socketio: DedupeConfig.%s must not be negative; leave it 0 for the default", field.name)
		}
	}
	return nil
}

// Deduplicate makes a middleware, for UseEvent, that lets an event which comes
// again, because the client did not get the ack, be handled once only. It is for
// clients that repeat what was not acknowledged, such as stock clients with the
// options retries and ackTimeout. A repeat gets the ack of the first, be it a
// failure, and also if the first came over a connection that has gone. While the
// first is not acknowledged a repeat waits for that, without holding up its socket;
// if the handler never acknowledges, it is not answered at all.
//
// The context of the handlers does not end with the socket, since the client may
// come back for the ack: bound what waits. What is remembered is in this process
// and no other. It panics if the configuration makes no sense: see
// [DedupeConfig.Check].
//
//	io.UseEvent(socketio.Deduplicate(socketio.DedupeConfig{
//		ID:    socketio.IDFromField("id"),
//		Scope: func(s *socketio.Socket) string { return userOf(s) },
//	}))
func Deduplicate(cfg DedupeConfig) func(next Handler) Handler {
	if err := cfg.Check(); err != nil {
		panic(err)
	}
	setDefault(&cfg.Window, 5*time.Minute)
	setDefault(&cfg.MaxEntries, 10_000)
	setDefault(&cfg.MaxBytes, 16<<20)
	if cfg.Remember == nil {
		cfg.Remember = func(_ *Event, err error) bool { return errors.As(err, new(*Error)) }
	}
	m := newMemory(cfg)
	return func(next Handler) Handler {
		return func(ctx context.Context, e *Event) error { return m.handle(ctx, e, next) }
	}
}

func (m *memory) handle(ctx context.Context, e *Event, next Handler) (err error) {
	id, ok := m.cfg.ID(e)
	if !ok {
		return next(ctx, e)
	}
	scope := m.cfg.Scope(e.socket)
	if scope == "" {
		return next(ctx, e)
	}
	n := e.socket.namespace
	a, first := m.attempt(attemptKey{n.server, n.name, e.Name(), scope, id})
	if !first {
		m.repeat(a, e)
		return nil
	}
	e.attempt.Store(a)
	err = errPanic
	defer func() { m.returned(a, e, err) }() // also if the handler panics
	err = next(context.WithoutCancel(ctx), e)
	return err
}

// returned decides on an attempt whose handler has returned.
func (m *memory) returned(a *attempt, e *Event, err error) {
	keep := err == nil
	defer func() { m.finish(a, keep) }()
	if err != nil {
		keep = m.cfg.Remember(e, err)
	}
}

// repeat answers an event that has come before, now or when the first is
// acknowledged.
func (m *memory) repeat(a *attempt, e *Event) {
	if !e.WantsAck() || e.acked.Swap(true) {
		return
	}
	if ack := m.ackOrWait(a, waiter{e.socket, e.packet.ID}); ack != nil {
		e.socket.replay(e.packet.ID, ack)
	}
}
