// Package wire writes and reads the messages of a cluster in the form of the
// reference's cluster adapters, byte for byte: an envelope of type, data, uid and
// nsp, as JSON or, where there is binary, as MessagePack.
//
// A [Writer] and a [Reader] do both forms; those backplanes that have maps of their
// own use them as well.
package wire

import (
	"errors"

	"github.com/kawat-go/kawat/core/backplane"
)

// The kinds of messages by which nodes know of each other, where a bus does not
// count them. backplane.NodeLeft is the third.
const (
	InitialHeartbeat backplane.Kind = 1 // INITIAL_HEARTBEAT
	Heartbeat        backplane.Kind = 2 // HEARTBEAT
)

// The errors of decoding. All that Decode returns is one of them, or wraps it.
var (
	// ErrUnknownKind says that a message is of a kind that is not known.
	ErrUnknownKind = errors.New("wire: a kind of message that is not known")
	// ErrTooLarge says that a message goes beyond the limits.
	ErrTooLarge = errors.New("wire: the message goes beyond the limits")
	// ErrMalformed says that what came is no message.
	ErrMalformed = errors.New("wire: malformed message")
)

// Limits bound what a message that came may cost. Zero fields stand for their
// defaults.
type Limits struct {
	Bytes int // of the message, and of the JSON text that it becomes; default 64 MiB
	Depth int // how deeply objects and arrays may be nested; default 1,000
	Items int // names, and what weighs as much as so many: sockets 8, headers 2; default 2,000,000
}

func (l Limits) orDefault() Limits {
	for _, field := range []struct {
		n         *int
		byDefault int
	}{{&l.Bytes, 64 << 20}, {&l.Depth, 1000}, {&l.Items, 2_000_000}} {
		if *field.n <= 0 {
			*field.n = field.byDefault
		}
	}
	return l
}
