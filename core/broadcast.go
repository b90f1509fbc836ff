package socketio

import (
	"context"
	"slices"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A Broadcast aims at sockets of a namespace. It is an immutable value: each
// operator returns a new one, so one can be kept and shared between goroutines.
// Without a room it aims at all sockets.
type Broadcast struct {
	namespace     *Namespace
	rooms, except []string
	timeout       time.Duration
	uncompressed  bool
	volatile      bool
	local         bool
}

// To aims at the sockets in any of the rooms as well.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.rooms = slices.Concat(b.rooms, rooms)
	return b
}

// In is another name of To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except leaves out the sockets in any of the rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.except = slices.Concat(b.except, rooms)
	return b
}

// Volatile drops the event for clients that could not get it at once, because
// something is still being written to them or no poll of theirs waits.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Local leaves out the sockets of other nodes.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Compress says whether the event is worth compressing where the connection can.
// It is by default.
func (b Broadcast) Compress(compress bool) Broadcast {
	b.uncompressed = !compress
	return b
}

// Timeout bounds how long EmitWithAckAll waits, instead of Config.AckTimeout. 0 is as
// if it had not been called.
func (b Broadcast) Timeout(d time.Duration) Broadcast {
	b.timeout = d
	return b
}

// Emit sends an event. It fails with an error about the event: its name is
// reserved, or an argument cannot be encoded. That some client cannot be reached
// is no error.
func (b Broadcast) Emit(event string, args ...any) error {
	out, err := b.namespace.event(event, packet.NoID, args, !b.uncompressed)
	if err != nil {
		return err
	}
	targets := b.sendAll(out)
	b.namespace.noteBroadcast(event, len(targets))
	b.namespace.notifyOutgoing(targets, event, args)
	return nil
}

// sendAll queues an event to all sockets that are aimed at, and returns them.
func (b Broadcast) sendAll(out outgoing) []*Socket {
	n := b.namespace
	n.order.Lock()
	defer n.order.Unlock()
	targets := b.address(out)
	for _, s := range targets {
		_ = b.send(s, out.frames)
	}
	return targets
}

// send queues frames to one socket. A client that fails to keep up is cut by the
// engine, and says so where the socket's disconnect is heard.
func (b Broadcast) send(s *Socket, frames []*engine.Frame) error {
	session := s.conn.session
	if b.volatile && !session.Writable() {
		return ErrDropped
	}
	return sendError(session.SendFrames(frames...))
}

// targets returns the sockets that are aimed at, each of them once.
func (b Broadcast) targets() []*Socket {
	b.namespace.mu.Lock()
	defer b.namespace.mu.Unlock()
	return b.namespace.present.targets(b.rooms, b.except)
}

// FetchSockets returns the sockets that are aimed at.
func (b Broadcast) FetchSockets(context.Context) ([]*RemoteSocket, error) {
	targets := b.targets()
	sockets := make([]*RemoteSocket, len(targets))
	for i, s := range targets {
		sockets[i] = newRemoteSocket(s)
	}
	return sockets, nil
}

// SocketsJoin makes the sockets that are aimed at join rooms. The error is
// [ErrTooManyRooms] if one of them was in too many already; the others have joined.
func (b Broadcast) SocketsJoin(rooms ...string) (err error) {
	for _, s := range b.targets() {
		if failed := s.Join(rooms...); failed == ErrTooManyRooms { // who has left meanwhile has no rooms
			err = failed
		}
	}
	b.eachAway(func(s *Socket) {
		for _, name := range rooms {
			if failed := b.namespace.join(s, name); failed != nil {
				err = failed
			}
		}
	})
	return err
}

// SocketsLeave makes the sockets that are aimed at leave rooms.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	for _, s := range b.targets() {
		_ = s.Leave(rooms...)
	}
	b.eachAway(func(s *Socket) {
		for _, name := range rooms {
			b.namespace.leave(s, name)
		}
	})
	return nil
}

// DisconnectSockets disconnects the sockets that are aimed at, and closes their
// connections if close is true.
func (b Broadcast) DisconnectSockets(close bool) error {
	for _, s := range b.targets() {
		_ = s.Disconnect(close)
	}
	b.eachAway(func(s *Socket) { b.namespace.history.forget(s.session) })
	return nil
}
