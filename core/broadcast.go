package socketio

import (
	"slices"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
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

// Timeout bounds how long EmitWithAckAll waits, instead of Config.AckTimeout, and how
// long other nodes are waited for, instead of Config.BackplaneTimeout. 0 is as if it had
// not been called.
func (b Broadcast) Timeout(d time.Duration) Broadcast {
	b.timeout = d
	return b
}

// Emit sends an event. It fails with an error about the event: its name is
// reserved, or an argument cannot be encoded. That some client cannot be reached
// is no error. Where there are other nodes it does not wait for them: what the
// backplane cannot take is an error too, and then this node's clients have got the
// event.
func (b Broadcast) Emit(event string, args ...any) error {
	out, err := b.namespace.event(event, packet.NoID, args, !b.uncompressed)
	if err != nil {
		return err
	}
	if b.publishes() {
		targets, err := b.namespace.shared.emit(b, out, false)
		b.namespace.notifyOutgoing(targets, event, args)
		return err
	}
	var beyond *backplane.Message
	if b.beyond() != nil {
		var m backplane.Message
		if m, err = b.message(out, packet.NoID, event, args); err == nil {
			beyond = &m
		}
	}
	targets, failed := b.sendAll(out, beyond)
	b.namespace.noteBroadcast(event, len(targets))
	b.namespace.notifyOutgoing(targets, event, args)
	if err == nil {
		err = failed
	}
	return err
}

// sendAll queues an event to all sockets of this node that are aimed at, and returns
// them; beyond is what other nodes are told, nil for nothing.
func (b Broadcast) sendAll(out outgoing, beyond *backplane.Message) ([]*Socket, error) {
	n := b.namespace
	n.order.Lock()
	defer n.order.Unlock()
	err := b.publish(beyond)
	if n.shared != nil {
		return n.shared.sendUnplaced(b, out, nil), err
	}
	targets := b.address(out)
	for _, s := range targets {
		_ = b.send(s, out.frames)
	}
	return targets, err
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
