package socketio

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// ErrPanic is what an OnError function is told of a handler that panicked. The log
// has the panic and its stack.
var ErrPanic = errPanic

// OnError adds a function that hears of every event that has failed, after the
// client was answered if it waits: err is what a handler or a middleware returned,
// also a *[BindError], an *[Error] that the client was told of, what became of an
// emit to a client that has left ([ErrDisconnected]), and [ErrPanic]. The context
// is the socket's.
//
// Where such a function is set, on the namespace or on the socket, failures are no
// longer logged; panics are. Without one, an *[Error] that no client waited for is
// found in the log at its debug level.
func (h *handlers) OnError(f func(ctx context.Context, s *Socket, e *Event, err error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = append(slices.Clip(h.failed), f)
}

// OnError adds a function that hears of every event of this socket that has
// failed: see [Namespace.OnError].
func (s *Socket) OnError(f func(ctx context.Context, s *Socket, e *Event, err error)) {
	s.ownHandlers().OnError(f)
}

func (h *handlers) failures() []func(context.Context, *Socket, *Event, error) {
	h.mu.RLock()
	failed := h.failed
	h.mu.RUnlock()
	if h.inherits != nil {
		return slices.Concat(h.inherits.failures(), failed)
	}
	return failed
}

// reportFailure tells the program, or else the log, of an event that has failed.
// What is meant for the client is worth a line only if the client was not told.
func (s *Socket) reportFailure(e *Event, err error, public, told bool) {
	hear := slices.Concat(s.namespace.failures(), s.handlers().failures())
	// Deferred, and so in reverse order, because deferred calls happen even if one
	// of them ends the goroutine.
	for _, f := range slices.Backward(hear) {
		defer s.server().guard("OnError", func() { f(s.Context(), s, e, err) })
	}
	if len(hear) > 0 || public && told || errors.Is(err, ErrDisconnected) || err == errPanic {
		return
	}
	attrs := []any{"event", logName(e.Name()), "namespace", logName(s.namespace.name), "socket", s.logID(), "error", logError{err}}
	if public {
		s.server().log.DebugContext(s.Context(), "event refused, and the client did not ask for an ack", attrs...)
		return
	}
	line := lineHandler
	if _, bad := errors.AsType[*BindError](err); bad {
		line = lineBadArguments // of a client's making, so not to hide what is of the program's
	}
	s.server().say(s.Context(), line, slog.LevelWarn, "event handler failed", attrs...)
}
