package backplane

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Kind says what a message is. A receiver ignores those that it does not know.
type Kind uint8

// The kinds. Their values are those of the reference's cluster messages, whose names
// stand behind them; kinds that only concern how nodes know of each other are not
// among them.
const (
	// Broadcast is an event for the clients that Options aims at: Data is an array of
	// the event's name and its arguments. With a Request, each node answers with a
	// ClientCount, and with an Ack for each client that acknowledges it.
	Broadcast Kind = 3 // BROADCAST
	// SocketsJoin, SocketsLeave: sockets join or leave Rooms.
	SocketsJoin  Kind = 4 // SOCKETS_JOIN
	SocketsLeave Kind = 5 // SOCKETS_LEAVE
	// DisconnectSockets: sockets are disconnected, their connections too if Close is set.
	DisconnectSockets Kind = 6 // DISCONNECT_SOCKETS
	// FetchSockets asks for the sockets that Options aims at.
	FetchSockets         Kind = 7 // FETCH_SOCKETS
	FetchSocketsResponse Kind = 8 // FETCH_SOCKETS_RESPONSE
	// ServerSideEmit is an event for the program on the other nodes: Data is an array
	// of its name and its arguments. With a Request, each is to answer.
	ServerSideEmit Kind = 9 // SERVER_SIDE_EMIT
	// ServerSideEmitResponse is the answer: Data is one value.
	ServerSideEmitResponse Kind = 10 // SERVER_SIDE_EMIT_RESPONSE
	// ClientCount says how many clients of a node were sent a Broadcast that wants
	// acks: Count.
	ClientCount Kind = 11 // BROADCAST_CLIENT_COUNT
	// Ack is what one client has acknowledged a Broadcast with: Data is one value.
	Ack Kind = 12 // BROADCAST_ACK
	// NodeLeft says that From has left the namespace, or is taken for dead. The
	// backplane itself makes it, where it knows who the peers are.
	NodeLeft Kind = 13 // ADAPTER_CLOSE
)

// A Message is what one node says to others in a namespace. Nobody changes it after
// it was sent, nor what it refers to. Which fields it has depends on its Kind.
type Message struct {
	Kind      Kind
	From      string // the node that sent it; "emitter" for one that is no node
	Namespace string
	Request   string // pairs answers with their request; "" where there is none
	Options   Options
	Rooms     []string
	Close     bool
	Data      Data
	Failed    bool // Data is an error of the node's handler, of a ServerSideEmitResponse
	Count     int
	Sockets   []Socket

	// Offset is where the message stands in the order of its namespace, on a
	// [Durable] node; zero if it has no place there.
	Offset Offset
	// Echo asks a Durable node to give the message back to its own host as well, once:
	// in its place, with its Offset, or without one as soon as the link is found to be
	// down. Note comes back with it, and is not sent.
	Echo bool
	Note any
}

// Options say which sockets are aimed at, as of a broadcast, and how.
type Options struct {
	Rooms  []string // in any of these; all if there are none
	Except []string // in none of these
	Flags  Flags
}

// Flags are the modifiers of a broadcast. What is not set is not sent.
type Flags struct {
	Volatile             bool
	Compress             *bool
	Timeout              time.Duration // how long acks are waited for; whole milliseconds are sent
	ExpectSingleResponse bool
	Broadcast            bool
}

// Data is a value, or several in an array, as JSON text in which
// {"_placeholder":true,"num":0} stands for Attachments[0], and so on. The text is
// valid and has no space between its tokens.
type Data struct {
	JSON        []byte // nil if there is none
	Attachments [][]byte
}

// A Socket is what a node says of a socket.
type Socket struct {
	ID        string
	Handshake Handshake
	Rooms     []string
	Data      Data // what its SetData has set; an empty object if nothing
}

// A Handshake is what a node says of the request that opened a socket's connection.
type Handshake struct {
	Headers map[string]string
	Query   map[string]string
	Time    string // of Issued, as JavaScript writes it
	Issued  int64  // milliseconds since 1970
	Address string
	URL     string
	XDomain bool
	Secure  bool
	Auth    Data // an object
}

// An Offset is where a message stands in the order of its namespace. The zero
// Offset is before all others.
type Offset struct{ Major, Minor uint64 }

// Compare returns -1 if o is before other, 0 if they are the same, 1 if it is behind.
func (o Offset) Compare(other Offset) int {
	switch {
	case o == other:
		return 0
	case o.Major < other.Major, o.Major == other.Major && o.Minor < other.Minor:
		return -1
	}
	return 1
}

// IsZero reports whether there is no offset.
func (o Offset) IsZero() bool { return o == Offset{} }

// String returns the offset as clients are told it: two numbers and a dash.
func (o Offset) String() string { return string(o.Append(nil)) }

// Append appends what String returns.
func (o Offset) Append(dst []byte) []byte {
	dst = append(strconv.AppendUint(dst, o.Major, 10), '-')
	return strconv.AppendUint(dst, o.Minor, 10)
}

// ParseOffset reads what String has written, and nothing else.
func ParseOffset(text string) (Offset, error) {
	major, minor, ok := strings.Cut(text, "-")
	if ok && len(text) <= 41 {
		a, err := strconv.ParseUint(major, 10, 64)
		b, err2 := strconv.ParseUint(minor, 10, 64)
		if o := (Offset{a, b}); err == nil && err2 == nil && o.String() == text {
			return o, nil
		}
	}
	return Offset{}, fmt.Errorf("backplane: %.50q is no offset", text)
}

// MarshalText is String.
func (o Offset) MarshalText() ([]byte, error) { return o.Append(nil), nil }

// UnmarshalText is ParseOffset.
func (o *Offset) UnmarshalText(text []byte) (err error) {
	*o, err = ParseOffset(string(text))
	return err
}
