package socketio

import (
	"context"
	"slices"
	"time"

	"github.com/kawat-go/kawat/core/packet"
)

// A Direct aims at one socket's client, in a special way. It is an immutable
// value.
type Direct struct {
	socket       *Socket
	timeout      time.Duration
	uncompressed bool
	volatile     bool
}

// Volatile drops the event if the client could not get it at once.
func (d Direct) Volatile() Direct {
	d.volatile = true
	return d
}

// Compress says whether the event is worth compressing where the connection can.
func (d Direct) Compress(compress bool) Direct {
	d.uncompressed = !compress
	return d
}

// Timeout bounds how long EmitWithAck waits, instead of Config.AckTimeout. 0 is as if
// it had not been called.
func (d Direct) Timeout(timeout time.Duration) Direct {
	d.timeout = timeout
	return d
}

// Emit sends an event: see [Socket.Emit]. That a volatile event was dropped is no
// error.
func (d Direct) Emit(event string, args ...any) error {
	s := d.socket
	out, err := s.namespace.event(event, packet.NoID, args, !d.uncompressed)
	if err != nil {
		return err
	}
	if !d.volatile || s.conn.session.Writable() {
		if err = s.emit(out, d.volatile); err == nil {
			s.noteSent(event)
		}
	}
	if err == nil {
		s.namespace.notifyOutgoing([]*Socket{s}, event, args)
	}
	return err
}

// Broadcast aims, in the same way, at all other sockets of the namespace.
func (d Direct) Broadcast() Broadcast {
	return Broadcast{
		namespace: d.socket.namespace, except: []string{d.socket.id},
		timeout: d.timeout, uncompressed: d.uncompressed, volatile: d.volatile,
	}
}

// To aims, in the same way, at the other sockets in any of the rooms.
func (d Direct) To(rooms ...string) Broadcast { return d.Broadcast().To(rooms...) }

// In is another name of To.
func (d Direct) In(rooms ...string) Broadcast { return d.Broadcast().To(rooms...) }

// Except aims, in the same way, at the other sockets that are in none of the rooms.
func (d Direct) Except(rooms ...string) Broadcast { return d.Broadcast().Except(rooms...) }

// A RemoteSocket is a socket as FetchSockets found it, on whatever node: a record
// of that moment, and a handle to act on it. What its methods do does not wait for the
// socket's node, but for EmitWithAck, whose acknowledgement has one argument if that is
// another one.
type RemoteSocket struct {
	namespace *Namespace
	id        string
	handshake *Handshake
	rooms     []string
	data      any
	far       packet.Args // what another node says that its data is; none if nothing is set, and on this node
	timeout   time.Duration
}

func newRemoteSocket(s *Socket) *RemoteSocket {
	r := &RemoteSocket{namespace: s.namespace, id: s.id, handshake: s.Handshake(), rooms: s.Rooms(), data: s.Data()}
	if far, is := s.anyData().(farData); is {
		r.far = far.args
	}
	return r
}

// ID returns the socket's id.
func (r *RemoteSocket) ID() string { return r.id }

// Handshake returns the details of the socket's handshake. Of one of another node they
// lack the Values, and each header and query parameter has one value.
func (r *RemoteSocket) Handshake() *Handshake { return r.handshake }

// Rooms returns the rooms that the socket was in.
func (r *RemoteSocket) Rooms() []string { return slices.Clone(r.rooms) }

// Data returns what the socket's SetData had set. Of a socket of another node that is
// what its JSON is without a type: the function [Data] decodes it into one.
func (r *RemoteSocket) Data() any {
	if r.far.Len() == 0 {
		return r.data
	}
	v, _ := r.far.Value(0) // was read when it came
	return v
}

// Timeout returns the same socket with a bound on how long EmitWithAck waits,
// instead of Config.AckTimeout.
func (r *RemoteSocket) Timeout(d time.Duration) *RemoteSocket {
	bounded := *r
	bounded.timeout = d
	return &bounded
}

func (r *RemoteSocket) target() Broadcast { return r.namespace.To(r.id).Timeout(r.timeout) }

// Emit sends an event to the socket's client.
func (r *RemoteSocket) Emit(event string, args ...any) error { return r.target().Emit(event, args...) }

// EmitWithAck is the untyped form of the function [EmitWithAck].
func (r *RemoteSocket) EmitWithAck(ctx context.Context, event string, args ...any) (Reply, error) {
	replies, err := r.target().emitWithAcks(ctx, true, event, args)
	switch {
	case len(replies) > 0:
		return replies[0], nil
	case err != nil:
		return Reply{}, err
	}
	return Reply{}, ErrDisconnected
}

// Join makes the socket a member of rooms.
func (r *RemoteSocket) Join(rooms ...string) error { return r.target().SocketsJoin(rooms...) }

// Leave takes the socket out of rooms.
func (r *RemoteSocket) Leave(rooms ...string) error { return r.target().SocketsLeave(rooms...) }

// Disconnect disconnects the socket, and closes its connection if close is true.
func (r *RemoteSocket) Disconnect(close bool) error { return r.target().DisconnectSockets(close) }
