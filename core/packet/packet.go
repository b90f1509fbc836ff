package packet

import "strconv"

// A Type is what a packet is for. The values are those on the wire.
type Type byte

// The packet types of Socket.IO protocol 5. BinaryEvent and BinaryAck exist on
// the wire only: a [Codec] chooses them when it finds binary, and a [Decoder]
// reports them as Event and Ack.
const (
	Connect Type = iota
	Disconnect
	Event
	Ack
	ConnectError
	BinaryEvent
	BinaryAck
)

// String returns the type's name in the protocol's own spelling, such as
// "CONNECT_ERROR".
func (t Type) String() string {
	switch t {
	case Connect:
		return "CONNECT"
	case Disconnect:
		return "DISCONNECT"
	case Event:
		return "EVENT"
	case Ack:
		return "ACK"
	case ConnectError:
		return "CONNECT_ERROR"
	case BinaryEvent:
		return "BINARY_EVENT"
	case BinaryAck:
		return "BINARY_ACK"
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// NoID is the ack id of a packet that has none.
const NoID int64 = -1

// MaxID is the greatest ack id: the greatest integer that JavaScript counts
// exactly.
const MaxID int64 = 1<<53 - 1

// Outgoing is a packet that the server sends.
type Outgoing struct {
	// Type is any but BinaryEvent and BinaryAck, which the codec chooses.
	Type Type

	// Namespace is the namespace's name, "/" or "" for the main one. It starts
	// with a slash and has no comma.
	Namespace string

	// ID is the ack id: of an Event what the peer is to answer to, of an Ack
	// what it answers. NoID when there is none; note that 0 is an id.
	ID int64

	// Event is the event's name, for an Event only.
	Event string

	// Args are the arguments after the name of an Event, or those of an Ack.
	// Connect and ConnectError take at most one, which must encode as an object
	// or, for clients of protocol 4, the ConnectError's as a string or an array;
	// Disconnect takes none.
	Args []any
}

// Incoming is a packet that the client sent. It owns its memory.
type Incoming struct {
	// Type is never BinaryEvent or BinaryAck: those are an Event and an Ack.
	Type Type

	// Namespace is the namespace's name, "/" for the main one. A query that the
	// client put behind the name is part of it.
	Namespace string

	// ID is the ack id, NoID when there is none.
	ID int64

	// Event is the name of an Event. It is "" for an Event without any payload,
	// which peers may send and nothing handles, and the number's text for an
	// event that is named by a number.
	Event string

	// Args are the arguments, not decoded yet: without the name for an Event.
	Args Args
}

// Reserved reports whether an event's name belongs to Socket.IO itself. A server
// must refuse to emit it; a [Decoder] refuses to receive it.
func Reserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
