package socketio

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// An Event is an event that a client has sent. It may be kept, and its methods may
// be called from any goroutine.
type Event struct {
	socket *Socket
	packet packet.Incoming
	acked  atomic.Bool

	attempt atomic.Pointer[attempt] // that remembers the ack: see Deduplicate
}

// Name returns the event's name.
func (e *Event) Name() string { return e.packet.Event }

// Socket returns the socket that sent the event.
func (e *Event) Socket() *Socket { return e.socket }

// Len returns the number of arguments.
func (e *Event) Len() int { return e.packet.Args.Len() }

// Bind decodes the arguments, from the first one on, into the values that dst
// points to. More arguments than that are left alone; a missing one, or one of
// another type, is a *[BindError].
func (e *Event) Bind(dst ...any) error { return bind(e.Name(), e.packet.Args, dst) }

// Args gives access to the arguments one by one.
func (e *Event) Args() packet.Args { return e.packet.Args }

// WantsAck reports whether the client waits for an acknowledgement.
func (e *Event) WantsAck() bool { return e.packet.ID != packet.NoID }

// Ack acknowledges the event, with any number of arguments. Where the client does
// not wait for that it does nothing. The second call is an [ErrAlreadyAcked].
func (e *Event) Ack(args ...any) error {
	attempt := e.attempt.Load()
	if !e.WantsAck() && attempt == nil {
		return nil
	}
	if e.acked.Swap(true) {
		return ErrAlreadyAcked
	}
	encoded := false
	defer func() {
		if !encoded {
			e.acked.Store(false) // so that the client can be told of the failure
		}
	}()
	s := e.socket
	id := max(e.packet.ID, 0) // 0 if it is only to be remembered
	ack := packet.Outgoing{Type: packet.Ack, Namespace: s.namespace.name, ID: id, Args: args}
	var frames []*engine.Frame
	var err error
	if attempt == nil {
		frames, err = s.server().encodeOnce(ack)
	} else { // which keeps them
		frames, err = s.server().encode(ack, true)
	}
	if err != nil {
		return err
	}
	encoded = true
	if e.WantsAck() {
		err = s.send(frames)
	}
	if attempt != nil {
		attempt.acknowledged(frames)
	}
	return err
}

func bind(event string, args packet.Args, dst []any) error {
	for i, v := range dst {
		if err := args.Bind(i, v); err != nil {
			return &BindError{Event: event, Err: err}
		}
	}
	return nil
}

// dispatch runs the handlers of an event.
func (s *Socket) dispatch(e *Event) {
	err := errPanic
	began := e.noteReceived(s.server())
	defer func() { s.conclude(e, began, err) }() // also if a handler ends its goroutine
	own := s.handlers()
	s.tellAny(own, e)
	s.server().guard(e.Name(), func() {
		if s.namespace.wraps() || own.wraps() {
			err = vetted(s.namespace.wrap(own.wrap(s.handle))(s.Context(), e))
		} else {
			err = vetted(s.handle(s.Context(), e)) // spares most programs an allocation
		}
	})
}

// conclude tells the client, and then the program or the log, of an event that has
// failed.
func (s *Socket) conclude(e *Event, began time.Time, err error) {
	if err == nil {
		e.noteHandled(s.server(), began, nil)
		return
	}
	public, told := disclosed(err), false
	if (e.WantsAck() || e.attempt.Load() != nil) && !e.acked.Load() {
		told = e.WantsAck()
		ackErr := e.Ack(errorAck(public)) // who has left needs no answer
		if ackErr != nil && !e.acked.Load() {
			_ = e.Ack(errorAck(internalError))
			err = errors.Join(err, ackErr)
		}
	}
	e.noteHandled(s.server(), began, err)
	s.reportFailure(e, err, err == error(public), told)
}

type errorAnswer struct {
	Error errorObject `json:"error"`
}

func errorAck(e *Error) errorAnswer { return errorAnswer{errorObject(*e)} }

// errPanic stands for a handler's panic, which has been logged.
var errPanic = errors.New("socketio: handler panicked")

// handle calls the handlers of an event until one fails.
func (s *Socket) handle(ctx context.Context, e *Event) error {
	shared, own := s.namespace.of(e.Name()), s.handlers().of(e.Name())
	if len(shared)+len(own) == 0 {
		s.server().log.DebugContext(ctx, "event without a handler", "event", logName(e.Name()), "namespace", logName(s.namespace.name))
	}
	for _, list := range [][]*Handler{shared, own} {
		for _, h := range list {
			if err := (*h)(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}
