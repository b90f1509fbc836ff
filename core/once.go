package socketio

import (
	"context"
	"sync/atomic"
)

// OnceEvent is like OnEvent for a handler that is called at most once: on a
// namespace for the first such event of any socket. It is taken away before it is
// called. An event that middleware refuses does not count.
func (h *handlers) OnceEvent(event string, handler Handler) (remove func()) {
	var called atomic.Bool
	added := new(Handler)
	*added = func(ctx context.Context, e *Event) error {
		if called.Swap(true) { // another one found it in the list at the same time
			return nil
		}
		h.off(event, added)
		return handler(ctx, e)
	}
	return h.add(event, added)
}

// Off takes away all handlers of an event that were added here.
func (h *handlers) Off(event string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.events, event)
}

// OnceEvent adds a handler for the next such event of this socket: see
// [Namespace.OnceEvent].
func (s *Socket) OnceEvent(event string, h Handler) (remove func()) {
	return s.ownHandlers().OnceEvent(event, h)
}

// Off takes away all handlers of an event that were added to this socket. Those of
// its namespace stay.
func (s *Socket) Off(event string) { s.ownHandlers().Off(event) }

// Once is like [On] for a handler that is called at most once: see
// [Namespace.OnceEvent].
func Once[T any](r Registrar, event string, h func(ctx context.Context, s *Socket, arg T) error) (remove func()) {
	return r.OnceEvent(event, typed(h))
}

// OnceWithAck is like [OnWithAck] for a handler that is called at most once: see
// [Namespace.OnceEvent].
func OnceWithAck[T, R any](r Registrar, event string, h func(ctx context.Context, s *Socket, arg T) (R, error)) (remove func()) {
	return r.OnceEvent(event, typedWithAck(h))
}
