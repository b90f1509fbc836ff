package faultproxy

import "time"

// An Action is what happens once to a connection, besides the forwarding.
type Action uint8

// The actions.
const (
	// None lets everything pass.
	None Action = iota
	// Finish ends one way as a peer does that has no more to say: the receiver reads
	// the end of the stream. What the sender goes on to send is dropped. The other
	// way stays.
	Finish
	// Cut closes the connection on both sides. A side that has sent something which
	// the proxy had not read sees a reset instead, as the system wants it.
	Cut
	// Reset closes the connection on both sides by RST.
	Reset
	// Vanish stops both ways without closing anything: to each side the other seems
	// to have lost its power. Only Set wakes it up again.
	Vanish
	// Stall stops the way for the time of Way.For. Then it goes on.
	Stall
)

func (a Action) ofBothWays() bool { return a == Cut || a == Reset || a == Vanish }

// A Plan says what becomes of a connection. The zero Plan forwards everything as it
// comes.
type Plan struct {
	Up   Way // from the client to the server
	Down Way // from the server to the client
}

// A Way says what becomes of the bytes of one direction.
type Way struct {
	// Slice forwards in pieces of 1 to Slice bytes, each with a write of its own.
	// With 0, the pieces are what a read brings.
	Slice int

	// Each piece waits for Delay, and for a random part of Jitter, before it is
	// forwarded. The next one waits only then, so order is kept, and small pieces
	// with a delay make a slow sender. Where there are no slices, what a read brings
	// is a piece, and the times depend on how the bytes arrive.
	Delay, Jitter time.Duration

	// Then happens when exactly After bytes have passed since the plan was set; with
	// 0, at once.
	After int64
	Then  Action
	For   time.Duration // how long a Stall takes
}
