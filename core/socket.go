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

// A Socket is one client's membership of one namespace, from its CONNECT to its
// disconnect; a client that comes back gets a new one, also if that goes on where
// the last one has ended: see [Socket.Recovered]. All methods may be called from any
// goroutine.
type Socket struct {
	namespace *Namespace
	conn      *conn
	id        string
	auth      *packet.Args // nil if the client has sent none
	inbox     inbox

	claim   *succession   // nil unless the client comes back, and its session was found
	settled chan struct{} // closed when the program has heard of the socket's end; nil unless the client can recover

	// guarded by namespace.mu
	rooms   map[string]offset // each with the offset of the last event before it was joined
	session *session          // nil unless the client can recover

	mu        sync.Mutex
	recovered bool  // from when its session was found on
	seated    bool  // it is, or was, the holder of its session; guarded by namespace.mu
	dataSet   bool  // by SetData
	place     int32 // among everyone in its roster, from 1 on; guarded by namespace.mu
	ctx       context.Context
	cancel    context.CancelCauseFunc // of ctx; both are nil until somebody asks for it
	pausing   chan struct{}           // closed by the socket's end; nil unless that is waited for
	left      *[]string               // the rooms it was in, while its disconnecting functions run
	acks      map[int64]ackReceiver
	data      any // guarded by namespace.mu if the client can recover; then its session's takes its place

	own   atomic.Pointer[handlers] // nil until the socket has some of its own; set under mu
	phase atomic.Uint32            // a socketState; set under mu
}

type socketState uint32

const (
	connecting socketState = iota // its middleware runs
	connected
	disconnected
)

// ID returns the socket's id, which is not the connection's and may be shown to
// other clients. Every socket is in a room of that name, alone unless others are
// made to join it. Where Config.AllowEIO3 lets an older client in, the id of its
// socket has the connection's in it, which is a secret.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.namespace }

func (s *Socket) server() *Server { return s.namespace.server }

// Context returns the socket's context: the one that middleware made, with the
// values that the host's request had. It is cancelled when the socket ends.
func (s *Socket) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancelCause(s.conn.session.Context())
		if s.gone() {
			s.cancel(ErrDisconnected)
		}
	}
	return s.ctx
}

// lastingContext returns the socket's context without its end.
func (s *Socket) lastingContext() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		return context.WithoutCancel(s.conn.session.Context())
	}
	return context.WithoutCancel(s.ctx)
}

// Connected reports whether the socket is connected. While middleware runs it is
// not yet.
func (s *Socket) Connected() bool { return s.is(connected) }

// Conn returns the connection below, which the sockets of one client share.
func (s *Socket) Conn() *engine.Session { return s.conn.session }

// Data returns what SetData has set, or nil.
//
// Of a session that has come from another node it is as JSON has it: a map where there
// was a struct. The function [Data] decodes it.
func (s *Socket) Data() any {
	data := s.anyData()
	if far, is := data.(farData); is {
		return far.value
	}
	return data
}

func (s *Socket) anyData() any {
	defer s.lockData()()
	return *s.dataPlace()
}

// SetData keeps a value with the socket, for the function [Data] and for
// FetchSockets. What it points to is the program's to guard.
func (s *Socket) SetData(v any) {
	defer s.lockData()()
	*s.dataPlace() = v
	s.dataSet = true
}

// ownHandlers returns the socket's own handlers, and makes them if need be.
func (s *Socket) ownHandlers() *handlers {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own.Load() == nil {
		own := new(handlers)
		if !s.gone() { // else nothing is sent any more
			own.listening = &s.namespace.listening
		}
		s.own.Store(own)
	}
	return s.own.Load()
}

// noHandlers stand for those of a socket that has none. Nothing is added to them.
var noHandlers handlers

func (s *Socket) handlers() *handlers {
	if own := s.own.Load(); own != nil {
		return own
	}
	return &noHandlers
}

// OnEvent adds a handler for an event of this socket: see [Namespace.OnEvent],
// which is cheaper where many sockets have the same handlers.
func (s *Socket) OnEvent(event string, h Handler) (remove func()) {
	return s.ownHandlers().OnEvent(event, h)
}

// UseEvent adds a middleware around the handlers of every event of this socket:
// see [Namespace.UseEvent].
func (s *Socket) UseEvent(m func(next Handler) Handler) { s.ownHandlers().UseEvent(m) }

// OnDisconnecting adds a function that is called when the socket is leaving: see
// [Namespace.OnDisconnecting].
func (s *Socket) OnDisconnecting(f func(ctx context.Context, s *Socket, reason Reason)) {
	s.ownHandlers().OnDisconnecting(f)
}

// OnDisconnect adds a function that is called when the socket has left: see
// [Namespace.OnDisconnect].
func (s *Socket) OnDisconnect(f func(ctx context.Context, s *Socket, reason Reason)) {
	s.ownHandlers().OnDisconnect(f)
}

// Emit sends an event to the client. It never waits for the client. It fails if
// the event's name is reserved, if an argument cannot be encoded, with
// [ErrDisconnected], or with [ErrQueueFull]. While a client may come back it fails with
// neither of the last two: the event waits. See [Recovery].
func (s *Socket) Emit(event string, args ...any) error { return Direct{socket: s}.Emit(event, args...) }

// EmitWithAck is the untyped form of the function [EmitWithAck].
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Reply, error) {
	return Direct{socket: s}.EmitWithAck(ctx, event, args...)
}

// Volatile drops the event if the client could not get it at once.
func (s *Socket) Volatile() Direct { return Direct{socket: s}.Volatile() }

// Compress says whether the event is worth compressing where the connection can.
// It is by default.
func (s *Socket) Compress(compress bool) Direct { return Direct{socket: s}.Compress(compress) }

// Timeout bounds how long EmitWithAck waits.
func (s *Socket) Timeout(d time.Duration) Direct { return Direct{socket: s}.Timeout(d) }

// Broadcast aims at all other sockets of the namespace.
func (s *Socket) Broadcast() Broadcast { return Direct{socket: s}.Broadcast() }

// To aims at the other sockets in any of the rooms.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is another name of To.
func (s *Socket) In(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// Except aims at the other sockets that are in none of the rooms.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Local aims at the other sockets of this node.
func (s *Socket) Local() Broadcast { return s.Broadcast().Local() }

// send queues frames for the client.
func (s *Socket) send(frames []*engine.Frame) error {
	if s.gone() {
		return ErrDisconnected
	}
	return sendError(s.conn.session.SendFrames(frames...))
}

func sendError(err error) error {
	if err == engine.ErrClosed {
		return ErrDisconnected
	}
	return err
}

// Join makes the socket a member of rooms. While middleware runs, what is sent to
// them does not reach the socket yet, since it can still be refused. After the
// disconnect it does nothing and returns [ErrDisconnected], unless the client may
// come back as the same socket: then it holds for that one. Rooms beyond
// Config.MaxRooms are not joined: the error is [ErrTooManyRooms].
func (s *Socket) Join(rooms ...string) error {
	defer s.namespace.tellRooms()
	return s.join(rooms)
}

func (s *Socket) join(rooms []string) error {
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	member, err := s.namespace.standIn(s)
	if err != nil {
		return err
	}
	for _, name := range rooms {
		if err := s.namespace.join(member, name); err != nil {
			return err
		}
	}
	return nil
}

// Leave takes the socket out of rooms. After the disconnect it is as with
// [Socket.Join].
func (s *Socket) Leave(rooms ...string) error {
	defer s.namespace.tellRooms()
	return s.leaveRooms(rooms)
}

func (s *Socket) leaveRooms(rooms []string) error {
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	member, err := s.namespace.standIn(s)
	if err != nil {
		return err
	}
	for _, name := range rooms {
		s.namespace.leave(member, name)
	}
	return nil
}

func (s *Socket) gone() bool { return s.is(disconnected) }

// Rooms returns the rooms that the socket is in, that of its id first, the others
// in order. It returns none after the disconnect, but OnDisconnecting functions
// still see where the socket was.
func (s *Socket) Rooms() []string {
	s.namespace.mu.Lock()
	defer s.namespace.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.gone():
		return s.roomNames()
	case s.left == nil:
		return nil
	default:
		return slices.Clone(*s.left)
	}
}

// roomNames is called with namespace.mu held.
func (s *Socket) roomNames() []string {
	names := make([]string, 1, 1+len(s.rooms))
	names[0] = s.id
	for name := range s.rooms {
		names = append(names, name)
	}
	slices.Sort(names[1:])
	return names
}

// in reports whether the socket is in a room. The caller holds namespace.mu.
func (s *Socket) in(room string) bool {
	_, ok := s.rooms[room]
	return ok || room == s.id
}

// Disconnect makes the client leave the namespace, and closes its connection, and
// so its sockets in all namespaces, if close is true. What was emitted before is
// delivered. It returns [ErrDisconnected] if the socket has left already.
func (s *Socket) Disconnect(close bool) error {
	if close {
		return s.conn.disconnectAll(s)
	}
	return s.leave()
}

// leave ends the socket as the server wishes, and tells the client. The client is
// told last: it may join again as soon as it knows.
func (s *Socket) leave() error {
	frames, err := s.namespace.encode(packet.Outgoing{Type: packet.Disconnect, ID: packet.NoID}, true)
	if err != nil { // so the client cannot be told but by the end of its connection
		s.conn.close(ReasonServerDisconnect)
		return err
	}
	s.conn.forget(s, true)
	if s.namespace.shared != nil {
		s.namespace.shared.hasten(s)
	}
	if !s.end(ReasonServerDisconnect) {
		return ErrDisconnected
	}
	_ = s.conn.session.SendFrames(frames...) // whose connection has ended need not be told
	return nil
}

// end is the end of the socket, whatever brought it; only the first call counts,
// and reports true. It takes the socket out of its rooms at once, and leaves it to
// the worker to call the user's functions after the events that came before.
func (s *Socket) end(reason Reason) bool {
	s.mu.Lock()
	if s.gone() {
		s.mu.Unlock()
		return false
	}
	wasConnected := s.Connected()
	s.phase.Store(uint32(disconnected))
	acks, cancel, own, pausing := s.acks, s.cancel, s.own.Load(), s.pausing
	s.acks = nil
	s.mu.Unlock()

	own.endListening()
	rooms := s.namespace.remove(s, reason)
	s.namespace.tellRoomsSoon()
	if cancel != nil {
		cancel(ErrDisconnected)
	}
	if pausing != nil {
		close(pausing)
	}
	for id, receiver := range acks {
		s.server().pendingAcks.Add(-1)
		receiver.receive(s, id, Reply{}, ErrDisconnected)
	}
	if wasConnected {
		s.noteDisconnected(reason)
		s.mu.Lock()
		s.left = &rooms
		s.mu.Unlock()
		s.inbox.end(s, reason)
	}
	s.namespace.release()
	return true
}

// runEndings calls the functions that hear of the socket's end. The calls are
// deferred, and so in reverse order, because deferred calls happen even if one of
// them ends the goroutine.
func (s *Socket) runEndings(reason Reason) {
	if s.settled != nil {
		defer func() {
			close(s.settled)
			if s.namespace.shared != nil {
				s.namespace.shared.settled(s)
			}
		}()
	}
	ctx := s.lastingContext()
	disconnecting, disconnect := s.namespace.endings()
	ownDisconnecting, ownDisconnect := s.handlers().endings()
	for _, f := range slices.Backward(slices.Concat(disconnect, ownDisconnect)) {
		defer s.server().guard("OnDisconnect", func() { f(ctx, s, reason) })
	}
	defer s.forgetRooms()
	for _, f := range slices.Backward(slices.Concat(disconnecting, ownDisconnecting)) {
		defer s.server().guard("OnDisconnecting", func() { f(ctx, s, reason) })
	}
}

func (s *Socket) forgetRooms() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = nil
}
