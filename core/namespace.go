package socketio

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A Middleware decides on a client that asks to join a namespace, before the
// client is answered. The context it returns is the socket's from then on; nil
// stands for the one it was given. An error refuses: the client's connect_error
// handler gets an *[Error] as it is, and "internal error" for any other.
type Middleware func(ctx context.Context, s *Socket) (context.Context, error)

// A Namespace is a channel of its own over the clients' connections, with its own
// handlers, sockets and rooms. All methods may be called from any goroutine.
// Handlers and middleware apply to what happens after they were registered.
type Namespace struct {
	handlers
	server *Server
	name   string

	child     *child        // nil for who is none
	announced *announcement // nil where nobody is told of new namespaces

	setup        sync.Mutex // guards the registration of the next three
	middleware   atomic.Pointer[[]Middleware]
	onConnection atomic.Pointer[[]func(context.Context, *Socket) error]

	// order is held while a packet is queued to its receivers, so that all of
	// them see packets in one order. Nothing is written under it.
	order  sync.Mutex
	nextID atomic.Int64 // of acks

	listening atomic.Int64 // how many listen to outgoing events: itself, and sockets of it

	mu      sync.Mutex
	present roster     // the connected sockets
	history *history   // nil unless clients can recover
	shared  *sharedLog // nil unless they can do so on other nodes as well
	watch   roomWatch

	serverSide  serverSide
	presenceKey atomic.Pointer[func(*RemoteSocket) string] // nil: the socket's id
}

func newNamespace(s *Server, name string) *Namespace {
	n := &Namespace{server: s, name: name, present: newRoster()}
	n.remember()
	n.share(s.cluster)
	n.handlers.listening = &n.listening
	n.noteRooms()
	return n
}

// Name returns the namespace's name, which begins with a slash.
func (n *Namespace) Name() string { return n.name }

// Use adds a middleware. Middleware runs in the order in which it was added.
func (n *Namespace) Use(m Middleware) {
	n.setup.Lock()
	defer n.setup.Unlock()
	appendTo(&n.middleware, m)
}

// OnConnection adds a function that is called for each new socket, after the
// client has been told (over a WebSocket, 2 ms after) and before any of the
// socket's events is handled. If it returns an error, or panics, the socket is
// disconnected.
func (n *Namespace) OnConnection(f func(ctx context.Context, s *Socket) error) {
	n.setup.Lock()
	defer n.setup.Unlock()
	appendTo(&n.onConnection, f)
}

// middlewares returns those of the parent, if there is one, before the namespace's
// own.
func (n *Namespace) middlewares() []Middleware {
	if n.child == nil {
		return load(&n.middleware)
	}
	return slices.Concat(load(&n.child.parent.middleware), load(&n.middleware))
}

func (n *Namespace) connectionFuncs() []func(context.Context, *Socket) error {
	if n.child == nil {
		return load(&n.onConnection)
	}
	return slices.Concat(load(&n.child.parent.onConnection), load(&n.onConnection))
}

// appendTo adds a value to a list that readers use without a lock.
func appendTo[T any](list *atomic.Pointer[[]T], v T) {
	added := append(slices.Clone(load(list)), v)
	list.Store(&added)
}

func load[T any](list *atomic.Pointer[[]T]) []T {
	if p := list.Load(); p != nil {
		return *p
	}
	return nil
}

// Emit sends an event to every socket of the namespace. It fails with an error
// about the event: its name is reserved, or an argument cannot be encoded.
func (n *Namespace) Emit(event string, args ...any) error {
	return n.broadcast().Emit(event, args...)
}

// EmitWithAckAll is the untyped form of the function [EmitWithAckAll].
func (n *Namespace) EmitWithAckAll(ctx context.Context, event string, args ...any) ([]Reply, error) {
	return n.broadcast().EmitWithAckAll(ctx, event, args...)
}

func (n *Namespace) broadcast() Broadcast { return Broadcast{namespace: n} }

// To aims at the sockets in any of the rooms, each of them once.
func (n *Namespace) To(rooms ...string) Broadcast { return n.broadcast().To(rooms...) }

// In is another name of To.
func (n *Namespace) In(rooms ...string) Broadcast { return n.broadcast().To(rooms...) }

// Except leaves out the sockets in any of the rooms.
func (n *Namespace) Except(rooms ...string) Broadcast { return n.broadcast().Except(rooms...) }

// Volatile drops the event for clients that could not get it at once.
func (n *Namespace) Volatile() Broadcast { return n.broadcast().Volatile() }

// Local leaves out the sockets of other nodes.
func (n *Namespace) Local() Broadcast { return n.broadcast().Local() }

// Compress says whether the event is worth compressing where the connection can.
// It is by default.
func (n *Namespace) Compress(compress bool) Broadcast { return n.broadcast().Compress(compress) }

// Timeout bounds how long EmitWithAckAll waits.
func (n *Namespace) Timeout(d time.Duration) Broadcast { return n.broadcast().Timeout(d) }

// FetchSockets returns the sockets of the namespace.
func (n *Namespace) FetchSockets(ctx context.Context) ([]*RemoteSocket, error) {
	return n.broadcast().FetchSockets(ctx)
}

// SocketsJoin makes all sockets join the rooms.
func (n *Namespace) SocketsJoin(rooms ...string) error { return n.broadcast().SocketsJoin(rooms...) }

// SocketsLeave makes all sockets leave the rooms.
func (n *Namespace) SocketsLeave(rooms ...string) error { return n.broadcast().SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets, and closes their connections if close
// is true.
func (n *Namespace) DisconnectSockets(close bool) error {
	return n.broadcast().DisconnectSockets(close)
}

// Socket returns the connected socket with that id, or nil.
func (n *Namespace) Socket(id string) *Socket {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.present.sockets[id]
}

// Sockets returns the connected sockets of this node, in no order.
func (n *Namespace) Sockets() []*Socket {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.present.all.list)
}

// SocketCount returns how many sockets of this node are connected.
func (n *Namespace) SocketCount() int {
	sockets, _ := n.size()
	return sockets
}

func (n *Namespace) size() (sockets, rooms int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.present.sockets), len(n.present.rooms)
}

// admit makes a socket a member, unless it has ended, and queues the answer that
// tells the client, so that nothing that is broadcast comes before it. What the
// client has missed comes right behind. It returns the socket whose session this
// one goes on with, if there is one.
func (n *Namespace) admit(s *Socket, answer []*engine.Frame) (before *Socket, admitted bool, err error) {
	n.order.Lock()
	defer n.order.Unlock()
	missed, before, admitted, err := n.add(s)
	if !admitted || err != nil {
		return before, admitted, err
	}
	return before, true, s.conn.session.Queue(append(answer, missed...)...)
}

// add makes a socket connected and a member at once, so that its end, which takes
// it out, cannot fall between the two.
func (n *Namespace) add(s *Socket) (missed []*engine.Frame, before *Socket, added bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !s.change(connecting, connected) {
		return nil, nil, false, nil
	}
	missed, before, err = n.seat(s)
	if err != nil {
		return nil, before, true, err
	}
	n.arrive(s)
	return missed, before, true, nil
}

// remove makes a socket leave the namespace and its rooms, and returns what those
// were.
func (n *Namespace) remove(s *Socket, reason Reason) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	rooms := s.roomNames()
	n.depart(s)
	n.unseat(s, reason)
	s.rooms = nil
	return rooms
}

// join adds a socket to a room; one whose middleware still runs is found there
// only when it has been admitted. The caller holds n.mu.
func (n *Namespace) join(s *Socket, name string) error {
	if s.in(name) {
		return nil
	}
	if len(s.rooms) >= n.server.cfg.MaxRooms {
		return ErrTooManyRooms
	}
	if s.rooms == nil {
		s.rooms = make(map[string]offset)
	}
	s.rooms[name] = n.head()
	switch {
	case n.present.has(s):
		n.enterRoom(s, name)
	case n.isAway(s):
		n.history.away.enter(s, name)
	}
	return nil
}

// leave takes a socket out of a room. The caller holds n.mu.
func (n *Namespace) leave(s *Socket, name string) {
	since, in := s.rooms[name]
	if !in {
		return
	}
	delete(s.rooms, name)
	n.leaveRoom(s, name)
	if n.isAway(s) {
		n.history.away.leave(s, name)
	}
	if s.session != nil && s.session.holder == s {
		s.session.left(n.history, name, since)
	}
}

// encode makes frames of a packet of this namespace.
func (n *Namespace) encode(p packet.Outgoing, compress bool) ([]*engine.Frame, error) {
	p.Namespace = n.name
	return n.server.encode(p, compress)
}
