package rfc6455

import (
	"fmt"
	"slices"
	"sync"
)

// A Case is one conversation.
type Case struct {
	ID      string // a letter for the group and a number
	Group   string
	Name    string
	Section string // of RFC 6455, unless it names another

	Opening Opening
	Offer   string // the opening request's Sec-WebSocket-Extensions; none if empty
	Deflate bool   // the offer must be accepted
	Early   bool   // the first step is sent together with the opening request
	Steps   []Step

	End  End
	Code int // of the server's close frame, if the end is Closed or Mute

	// Hasty says that what ends the connection comes together with messages, so
	// that the server may end it before it has answered all of them.
	Hasty bool
	// Rude says that the client sends more behind its close frame. The system may
	// then reset the connection.
	Rude bool
	// Bare says that a text is no Engine.IO packet. Such a server answers with a
	// close frame without a code.
	Bare bool
}

// A Step is sent at once; its answers are waited for before the next.
type Step struct {
	Send  []Frame
	Chop  int // bytes to a write; all if 0
	Want  []Message
	Pongs []string // payloads of the pings in it; the last must be answered
}

// A Frame is one to send, or any other bytes.
type Frame struct {
	First   byte // FIN, RSV1 to RSV3 and the opcode
	Payload string
	Length  Length
	Mask    Mask
	Raw     string // sent as it is, instead of a frame
}

// A Message is what must come back.
type Message struct {
	Binary   bool
	Data     string
	Squeezed bool // must come compressed
}

// A Length is a way of writing the payload's.
type Length int

// The lengths.
const (
	Shortest Length = iota // as the RFC has it
	Bits16
	Bits64
)

// A Mask is a way of masking.
type Mask int

// The masks.
const (
	Keyed    Mask = iota // with a key that depends on the frame
	ZeroKey              // with a key that changes nothing
	Unmasked             // without
)

// An Opening says how far the opening handshake goes.
type Opening int

// The openings. All but the first are for clients that then go.
const (
	Complete   Opening = iota
	Nothing            // connected, no more
	Half               // half a request
	Unanswered         // the client does not look at the answer
)

// An End is how a conversation ends.
type End int

// The ends.
const (
	// Alive: the connection is in order still. Another message is sent back, and
	// the closing handshake that the client begins is as it should be.
	Alive End = iota
	// Closed: the server sends a close frame, and ends the connection.
	Closed
	// Mute is like Closed, but the client goes on sending as if nothing had
	// happened. The server hangs up on it.
	Mute
	// Hangup: the client sends no more. The server ends the connection without
	// another word.
	Hangup
	// Reset: the client is gone without a word.
	Reset
	// Silent: the client keeps the connection open, but does not say anything, not
	// to pings either, until the server hangs up.
	Silent
)

// NoStatus stands for a close frame without a code.
const NoStatus = 1005

// The limits of the server that the table is for.
const (
	MaxPayload   = 1_000_000
	MaxFragments = 16_384
)

// Cases returns the table.
func Cases() []Case { return slices.Clone(table()) }

// table is made once: compressing takes its time.
var table = sync.OnceValue(func() (all []Case) {
	for _, group := range []struct {
		letter, name string
		cases        []Case
	}{
		{"A", "sizes", sizes()},
		{"B", "masks and lengths", headers()},
		{"C", "pings and pongs", pings()},
		{"D", "reserved bits", reservedBits()},
		{"E", "reserved opcodes", reservedOpcodes()},
		{"F", "fragments", fragments()},
		{"G", "UTF-8", texts()},
		{"H", "not UTF-8", brokenTexts()},
		{"I", "closing", closing()},
		{"J", "limits", limits()},
		{"K", "volume", volume()},
		{"L", "deflate", deflated()},
		{"M", "broken deflate", brokenDeflate()},
		{"N", "offers", offers()},
		{"O", "beginnings", beginnings()},
		{"P", "endings", endings()},
	} {
		for i, c := range group.cases {
			c.ID, c.Group = fmt.Sprintf("%s%02d", group.letter, i+1), group.name
			all = append(all, c)
		}
	}
	return all
})

// echoed is a case in which every frame is in order, and the messages come back.
func echoed(section, name string, send []Frame, want ...Message) Case {
	return Case{Section: section, Name: name, Steps: []Step{{Send: send, Want: want, Pongs: pingsIn(send)}}}
}

// refused is a case that the server ends.
func refused(section, name string, code int, send ...Frame) Case {
	return Case{Section: section, Name: name, Steps: []Step{{Send: send}}, End: Closed, Code: code}
}

// chopped sends the last step in pieces of size bytes.
func (c Case) chopped(size int) Case {
	c.Steps = append([]Step(nil), c.Steps...)
	c.Steps[len(c.Steps)-1].Chop = size
	return c
}

// behind has other frames and their answers first.
func (c Case) behind(send []Frame, want ...Message) Case {
	c.Steps = append([]Step{{Send: send, Want: want, Pongs: pingsIn(send)}}, c.Steps...)
	return c
}

// compressed agrees on compression.
func (c Case) compressed() Case {
	c.Offer, c.Deflate = "permessage-deflate; client_max_window_bits", true
	return c
}
