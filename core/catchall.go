package socketio

import (
	"context"
	"slices"
	"sync/atomic"
)

// An OutgoingEvent is an event that was sent to a client.
type OutgoingEvent struct {
	Name string
	// Args are the arguments as the program gave them. They must not be changed.
	Args []any
	// Socket is the socket whose client it was sent to.
	Socket *Socket
}

// catchAll are the listeners of a namespace or a socket that hear of every event.
// Lists are replaced, under handlers.mu, and read without a lock.
type catchAll struct {
	incoming atomic.Pointer[[]*func(context.Context, *Event)]
	outgoing atomic.Pointer[[]*func(context.Context, *OutgoingEvent)]

	// listening is the namespace's count of those that have outgoing listeners;
	// nil once nothing is sent to them any more, and for a parent, whose list its
	// children look at themselves.
	listening *atomic.Int64
}

// OnAny adds a listener that hears of every event that comes in, whether or not it
// has a handler, before middleware and handlers do; it may acknowledge the event.
// Listeners are called in the order in which they were added, those of the
// namespace before those of the socket. The returned function takes the listener
// away again.
func (h *handlers) OnAny(f func(ctx context.Context, e *Event)) (remove func()) {
	return insert(h, &h.incoming, &f, false)
}

// PrependAny is like OnAny, but adds the listener before the others.
func (h *handlers) PrependAny(f func(ctx context.Context, e *Event)) (remove func()) {
	return insert(h, &h.incoming, &f, true)
}

// OffAny takes away all listeners that OnAny and PrependAny have added here.
func (h *handlers) OffAny() { clearList(h, &h.incoming) }

// OnAnyOutgoing adds a listener that hears of every event that is sent to a
// client, by Emit, EmitWithAck or a broadcast: once for each receiver, with the
// receiver's context. Acks are not heard of. An event that Volatile dropped is, as
// in Node; one whose Emit failed is not.
//
// The listener is called when the event has been queued, in the goroutine that
// emits, which waits for it. What it emits itself is heard of as well.
func (h *handlers) OnAnyOutgoing(f func(ctx context.Context, e *OutgoingEvent)) (remove func()) {
	return insert(h, &h.outgoing, &f, false)
}

// PrependAnyOutgoing is like OnAnyOutgoing, but adds the listener before the
// others.
func (h *handlers) PrependAnyOutgoing(f func(ctx context.Context, e *OutgoingEvent)) (remove func()) {
	return insert(h, &h.outgoing, &f, true)
}

// OffAnyOutgoing takes away all listeners that OnAnyOutgoing and
// PrependAnyOutgoing have added here.
func (h *handlers) OffAnyOutgoing() { clearList(h, &h.outgoing) }

func insert[T any](h *handlers, list *atomic.Pointer[[]*T], f *T, front bool) (remove func()) {
	change(h, list, func(old []*T) []*T {
		if front {
			return append([]*T{f}, old...)
		}
		return append(slices.Clip(old), f)
	})
	return func() {
		change(h, list, func(old []*T) []*T {
			return slices.DeleteFunc(slices.Clone(old), func(other *T) bool { return other == f })
		})
	}
}

func clearList[T any](h *handlers, list *atomic.Pointer[[]*T]) {
	change(h, list, func([]*T) []*T { return nil })
}

// change replaces a list, and keeps the namespace's count right.
func change[T any](h *handlers, list *atomic.Pointer[[]*T], edit func(old []*T) []*T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.outgoing.Load() != nil
	if edited := edit(load(list)); len(edited) > 0 {
		list.Store(&edited)
	} else {
		list.Store(nil)
	}
	after := h.outgoing.Load() != nil
	switch {
	case h.listening == nil || before == after:
	case after:
		h.listening.Add(1)
	default:
		h.listening.Add(-1)
	}
}

// endListening says that nothing is sent any more. It may be called on nil.
func (h *handlers) endListening() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listening != nil && h.outgoing.Load() != nil {
		h.listening.Add(-1)
	}
	h.listening = nil
}

// anyIncoming and anyOutgoing return the listeners, those of the parent first.
func (h *handlers) anyIncoming() []*func(context.Context, *Event) {
	if h.inherits != nil {
		return slices.Concat(h.inherits.anyIncoming(), load(&h.incoming))
	}
	return load(&h.incoming)
}

func (h *handlers) anyOutgoing() []*func(context.Context, *OutgoingEvent) {
	if h.inherits != nil {
		return slices.Concat(h.inherits.anyOutgoing(), load(&h.outgoing))
	}
	return load(&h.outgoing)
}

// tellAny calls those who listen to incoming events.
func (s *Socket) tellAny(own *handlers, e *Event) {
	shared, mine := s.namespace.anyIncoming(), load(&own.incoming)
	if len(shared)+len(mine) == 0 {
		return
	}
	ctx := s.Context()
	for _, f := range slices.Concat(shared, mine) {
		s.server().guard("OnAny", func() { (*f)(ctx, e) })
	}
}

// notifyOutgoing tells those who listen that an event was queued to sockets. It is
// called without a lock.
func (n *Namespace) notifyOutgoing(targets []*Socket, event string, args []any) {
	if n.listened() {
		n.tellOutgoing(targets, event, slices.Clone(args))
	}
}

// listened reports whether anybody listens to outgoing events.
func (n *Namespace) listened() bool {
	return n.listening.Load() > 0 || n.inherits != nil && n.inherits.outgoing.Load() != nil
}

func (n *Namespace) tellOutgoing(targets []*Socket, event string, args []any) {
	for _, s := range targets {
		shared, own := n.anyOutgoing(), load(&s.handlers().outgoing)
		if len(shared)+len(own) == 0 {
			continue
		}
		ctx, e := s.Context(), &OutgoingEvent{Name: event, Args: args, Socket: s}
		for _, f := range slices.Concat(shared, own) {
			n.server.guard("OnAnyOutgoing", func() { (*f)(ctx, e) })
		}
	}
}

// OnAny adds a listener that hears of every event of this socket that comes in:
// see [Namespace.OnAny].
func (s *Socket) OnAny(f func(ctx context.Context, e *Event)) (remove func()) {
	return s.ownHandlers().OnAny(f)
}

// PrependAny is like OnAny, but adds the listener before the others.
func (s *Socket) PrependAny(f func(ctx context.Context, e *Event)) (remove func()) {
	return s.ownHandlers().PrependAny(f)
}

// OffAny takes away all listeners that OnAny and PrependAny have added to this
// socket.
func (s *Socket) OffAny() { s.ownHandlers().OffAny() }

// OnAnyOutgoing adds a listener that hears of every event that is sent to this
// socket's client: see [Namespace.OnAnyOutgoing].
func (s *Socket) OnAnyOutgoing(f func(ctx context.Context, e *OutgoingEvent)) (remove func()) {
	return s.ownHandlers().OnAnyOutgoing(f)
}

// PrependAnyOutgoing is like OnAnyOutgoing, but adds the listener before the
// others.
func (s *Socket) PrependAnyOutgoing(f func(ctx context.Context, e *OutgoingEvent)) (remove func()) {
	return s.ownHandlers().PrependAnyOutgoing(f)
}

// OffAnyOutgoing takes away all listeners that OnAnyOutgoing and
// PrependAnyOutgoing have added to this socket.
func (s *Socket) OffAnyOutgoing() { s.ownHandlers().OffAnyOutgoing() }
