package packet

// A Codec turns packets into messages and back. Both sides of a connection must
// use the same one; stock clients use [JSON].
//
// A Codec is shared by all connections: its methods may be called from any
// goroutine.
type Codec interface {
	// Encode appends the packet's first message to dst. The error is about the
	// packet (a value that cannot be encoded, too many attachments) and leaves
	// nothing to send.
	Encode(dst []byte, p Outgoing) (Encoded, error)

	// NewDecoder returns the decoder of one connection. Fields of limits that
	// are zero stand for their defaults.
	NewDecoder(limits Limits) Decoder
}

// Encoded is a packet as the messages that carry it, to be sent in order and
// with nothing in between.
type Encoded struct {
	// Head is the dst that was given to Encode with the first message appended.
	Head []byte

	// Binary says that the first message is itself binary, as with msgpack.
	Binary bool

	// Attachments are the binary messages that must follow. They alias the
	// packet's arguments: copy them before the caller of Emit goes on.
	Attachments [][]byte
}

// A Decoder puts the packets of one connection together. It is used by one
// goroutine at a time, and holds no buffer between packets.
type Decoder interface {
	// Add takes the next message, a text or a binary one, which is valid during
	// the call only. complete is false while attachments are missing. After an
	// error the connection is to be closed: the decoder must not be used again.
	Add(data []byte, binary bool) (p Incoming, complete bool, err error)

	// Pending reports whether a packet waits for attachments, so that the
	// caller can bound the time that it may take.
	Pending() bool
}
