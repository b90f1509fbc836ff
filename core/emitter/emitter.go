// Package emitter sends events to the clients of a cluster from a process that is no
// server: a worker, a job, a command. It is to a backplane what a letter-box is: nothing
// comes back.
//
//	e := emitter.New(publisher, emitter.Config{})
//	defer e.Close()
//	err := e.To("room").Emit("news", map[string]string{"title": "..."})
//
// The publisher comes from a backplane: its NewEmitter, or backplane.Memory.Publisher.
package emitter

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/packet"
)

// Config has the settings of an Emitter. The zero value is ready for use.
type Config struct {
	// MaxAttachments is how many binary values one event for clients may carry. Default:
	// 10, beyond which stock clients refuse the event and disconnect.
	MaxAttachments int
}

// An Emitter emits to a namespace. Its methods may be called from any goroutine.
type Emitter struct {
	publisher backplane.Publisher
	codec     packet.JSONCodec
	namespace string
}

// New makes an Emitter for the main namespace.
func New(p backplane.Publisher, c Config) *Emitter {
	return &Emitter{publisher: p, codec: packet.JSONCodec{MaxAttachments: c.MaxAttachments}, namespace: "/"}
}

// Of returns the Emitter of a namespace. A missing slash in front is added. It panics if
// the name has a comma, which no client could name.
func (e *Emitter) Of(namespace string) *Emitter {
	if !strings.HasPrefix(namespace, "/") {
		namespace = "/" + namespace
	}
	if strings.Contains(namespace, ",") {
		panic(fmt.Sprintf("emitter: the namespace name %q has a comma, which the protocol uses to end a name: choose another name", namespace))
	}
	of := *e
	of.namespace = namespace
	return &of
}

// Close closes the publisher: that of all namespaces. What was emitted is sent, for up
// to a second.
func (e *Emitter) Close() error { return e.publisher.Close() }

// ServerSideEmit sends an event to the servers themselves, where the functions of
// socketio.Namespace.OnServerSide hear it. It fails as [Broadcast.Emit] does.
func (e *Emitter) ServerSideEmit(event string, args ...any) error {
	switch event {
	case "connection", "new_namespace":
		return errReserved(event)
	}
	data, err := pack(packet.JSONCodec{MaxAttachments: 1 << 30}, event, args) // no client has to take it
	if err != nil {
		return err
	}
	return e.publish(backplane.Message{Kind: backplane.ServerSideEmit, Data: data})
}

func (e *Emitter) publish(m backplane.Message) error {
	m.From, m.Namespace = "emitter", e.namespace
	if err := e.publisher.Publish(m); err != nil {
		return fmt.Errorf("emitter: %w", err)
	}
	return nil
}

func errReserved(event string) error {
	return fmt.Errorf("emitter: the event name %q is reserved: choose another name", event)
}

// pack makes the array of an event's name and its arguments. It holds copies of what was
// given.
func pack(codec packet.JSONCodec, event string, args []any) (data backplane.Data, err error) {
	if packet.Reserved(event) {
		return data, errReserved(event)
	}
	p := packet.Outgoing{Type: packet.Event, ID: packet.NoID, Event: event, Args: args}
	encoded, err := codec.Encode(nil, p)
	if err == nil {
		data.JSON, err = codec.EventText(encoded.Head, "", packet.NoID, len(encoded.Attachments))
	}
	if err != nil {
		return backplane.Data{}, fmt.Errorf("emitter: cannot send %q: %w", event, err)
	}
	for _, attachment := range encoded.Attachments {
		data.Attachments = append(data.Attachments, bytes.Clone(attachment))
	}
	return data, nil
}

// To aims at the sockets in any of the rooms.
func (e *Emitter) To(rooms ...string) Broadcast { return Broadcast{emitter: e}.To(rooms...) }

// In is another name of To.
func (e *Emitter) In(rooms ...string) Broadcast { return e.To(rooms...) }

// Except leaves out the sockets in any of the rooms.
func (e *Emitter) Except(rooms ...string) Broadcast { return Broadcast{emitter: e}.Except(rooms...) }

// Volatile drops the event for clients that could not get it at once: see
// [Broadcast.Volatile].
func (e *Emitter) Volatile() Broadcast { return Broadcast{emitter: e}.Volatile() }

// Compress says whether the event is worth compressing: see [Broadcast.Compress].
func (e *Emitter) Compress(compress bool) Broadcast { return Broadcast{emitter: e}.Compress(compress) }

// Emit sends an event to all clients of the namespace: see [Broadcast.Emit].
func (e *Emitter) Emit(event string, args ...any) error {
	return Broadcast{emitter: e}.Emit(event, args...)
}

// Send emits the event "message".
func (e *Emitter) Send(args ...any) error { return e.Emit("message", args...) }

// SocketsJoin makes all sockets of the namespace join rooms.
func (e *Emitter) SocketsJoin(rooms ...string) error {
	return Broadcast{emitter: e}.SocketsJoin(rooms...)
}

// SocketsLeave makes all sockets of the namespace leave rooms.
func (e *Emitter) SocketsLeave(rooms ...string) error {
	return Broadcast{emitter: e}.SocketsLeave(rooms...)
}

// DisconnectSockets disconnects all sockets of the namespace, and closes their
// connections if close is true.
func (e *Emitter) DisconnectSockets(close bool) error {
	return Broadcast{emitter: e}.DisconnectSockets(close)
}

// A Broadcast aims at sockets of a namespace, on all nodes. It is an immutable value: each
// operator returns a new one, so one can be kept and shared between goroutines. Without a
// room it aims at all sockets.
type Broadcast struct {
	emitter       *Emitter
	rooms, except []string
	volatile      bool
	uncompressed  bool
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

// Volatile drops the event for clients that could not get it at once, because something
// is still being written to them or no poll of theirs waits.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Compress says whether the event is worth compressing where the connection can. It is by
// default.
func (b Broadcast) Compress(compress bool) Broadcast {
	b.uncompressed = !compress
	return b
}

// Emit sends an event. It fails with an error about the event: its name is reserved, or
// an argument cannot be encoded; or with what the publisher says, such as
// [backplane.ErrQueueFull]. Whether it has arrived anywhere is not known.
func (b Broadcast) Emit(event string, args ...any) error {
	data, err := pack(b.emitter.codec, event, args)
	if err != nil {
		return err
	}
	o := b.options()
	o.Flags.Volatile = b.volatile
	if b.uncompressed {
		o.Flags.Compress = new(bool)
	}
	return b.emitter.publish(backplane.Message{Kind: backplane.Broadcast, Options: o, Data: data})
}

func (b Broadcast) options() backplane.Options {
	return backplane.Options{Rooms: b.rooms, Except: b.except}
}

// Send emits the event "message".
func (b Broadcast) Send(args ...any) error { return b.Emit("message", args...) }

// SocketsJoin makes the sockets that are aimed at join rooms.
func (b Broadcast) SocketsJoin(rooms ...string) error { return b.move(backplane.SocketsJoin, rooms) }

// SocketsLeave makes the sockets that are aimed at leave rooms.
func (b Broadcast) SocketsLeave(rooms ...string) error { return b.move(backplane.SocketsLeave, rooms) }

func (b Broadcast) move(kind backplane.Kind, rooms []string) error {
	if len(rooms) == 0 {
		return nil
	}
	return b.emitter.publish(backplane.Message{Kind: kind, Options: b.options(), Rooms: slices.Clone(rooms)})
}

// DisconnectSockets disconnects the sockets that are aimed at, and closes their
// connections if close is true.
func (b Broadcast) DisconnectSockets(close bool) error {
	return b.emitter.publish(backplane.Message{Kind: backplane.DisconnectSockets, Options: b.options(), Close: close})
}
