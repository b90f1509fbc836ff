package socketio

import (
	"context"
	"slices"
	"sync"
)

// A Handler handles an event. It is the form beneath the typed functions [On] and
// [OnWithAck].
//
// The context ends with the socket. If the handler returns an error and the client
// waits for an ack, the ack is {"error":{"message":...,"data":...}}: see [Error].
type Handler func(ctx context.Context, e *Event) error

// A Registrar is what handlers are registered on: a [Server] or a [Namespace],
// which is once for all sockets, or a single [Socket].
type Registrar interface {
	OnEvent(event string, h Handler) (remove func())
	OnceEvent(event string, h Handler) (remove func())
}

// handlers are what a namespace or a socket has registered.
type handlers struct {
	inherits *handlers // of the parent, which come first; nil for who has none

	mu            sync.RWMutex
	events        map[string][]*Handler
	wrappers      []func(next Handler) Handler
	disconnecting []func(context.Context, *Socket, Reason)
	disconnect    []func(context.Context, *Socket, Reason)
	failed        []func(context.Context, *Socket, *Event, error)

	catchAll
}

// OnEvent adds a handler for an event. Several for one event are called in the
// order in which they were added, those of the namespace before those of the
// socket. The returned function takes the handler away again. It panics if the
// event's name is reserved: see [CheckEvent].
func (h *handlers) OnEvent(event string, handler Handler) (remove func()) {
	return h.add(event, &handler)
}

func (h *handlers) add(event string, added *Handler) (remove func()) {
	if err := CheckEvent(event); err != nil {
		panic(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.events == nil {
		h.events = make(map[string][]*Handler)
	}
	h.events[event] = append(slices.Clip(h.events[event]), added)
	return func() { h.off(event, added) }
}

func (h *handlers) off(event string, handler *Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(h.events[event]), func(other *Handler) bool { return other == handler })
	if len(left) == 0 {
		delete(h.events, event)
	} else {
		h.events[event] = left
	}
}

func (h *handlers) of(event string) []*Handler {
	h.mu.RLock()
	list := h.events[event]
	h.mu.RUnlock()
	if h.inherits != nil {
		return slices.Concat(h.inherits.of(event), list)
	}
	return list
}

// UseEvent adds a middleware around the handlers of every event. It may refuse an
// event by returning an error instead of calling next. Middleware of the namespace
// is around that of the socket, what was added first around what was added later.
func (h *handlers) UseEvent(m func(next Handler) Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wrappers = append(slices.Clip(h.wrappers), m)
}

// wraps reports whether wrap does anything.
func (h *handlers) wraps() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.wrappers) > 0 || h.inherits != nil && h.inherits.wraps()
}

func (h *handlers) wrap(handler Handler) Handler {
	h.mu.RLock()
	wrappers := h.wrappers
	h.mu.RUnlock()
	for _, m := range slices.Backward(wrappers) {
		handler = m(handler)
	}
	if h.inherits != nil {
		return h.inherits.wrap(handler)
	}
	return handler
}

// OnDisconnecting adds a function that is called when a socket is leaving, while
// [Socket.Rooms] still says where it was. Nothing can be sent to it any more. The
// context is not cancelled.
func (h *handlers) OnDisconnecting(f func(ctx context.Context, s *Socket, reason Reason)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.disconnecting = append(slices.Clip(h.disconnecting), f)
}

// OnDisconnect adds a function that is called once for each socket that has left,
// after the handlers of its events. The context is not cancelled.
func (h *handlers) OnDisconnect(f func(ctx context.Context, s *Socket, reason Reason)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.disconnect = append(slices.Clip(h.disconnect), f)
}

func (h *handlers) endings() (disconnecting, disconnect []func(context.Context, *Socket, Reason)) {
	h.mu.RLock()
	disconnecting, disconnect = h.disconnecting, h.disconnect
	h.mu.RUnlock()
	if h.inherits != nil {
		first, then := h.inherits.endings()
		return slices.Concat(first, disconnecting), slices.Concat(then, disconnect)
	}
	return disconnecting, disconnect
}
