package socketio

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// An offset is where an event stands in the order of its namespace: its number,
// from 1 on. Clients are told it as the last argument of the event, which is how
// stock clients expect it, and say the last one that they have seen when they come
// back. It is written as text of a fixed length, so that an event can be encoded
// before its place in the order is known.
type offset = uint64

const (
	epochLength  = 6
	numberLength = 8
	offsetLength = epochLength + numberLength
	offsetDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"
)

// An epoch is what the offsets of one log begin with: they mean nothing to
// another, such as that of the same namespace after a restart.
type epoch struct {
	name  string
	blank string // stands for an offset until it is known; no client ever sees it
}

func newEpoch() epoch {
	var b [offsetLength + epochLength]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = offsetDigits[b[i]%64]
	}
	return epoch{name: string(b[:epochLength]), blank: string(b[epochLength:])}
}

// put writes an offset over a blank.
func (e epoch) put(dst []byte, n offset) {
	copy(dst, e.name)
	for i := range numberLength {
		dst[offsetLength-1-i] = offsetDigits[n>>(6*i)&63]
	}
}

var errOffset = errors.New("no offset of this server")

// parse reads an offset that a client has sent; 0 if it is one of another epoch.
func (e epoch) parse(text string) (offset, error) {
	if len(text) != offsetLength {
		return 0, errOffset
	}
	var n offset
	for i := range text {
		digit := bytes.IndexByte([]byte(offsetDigits), text[i])
		if digit < 0 {
			return 0, errOffset
		}
		if i >= epochLength {
			n = n<<6 | offset(digit)
		}
	}
	if text[:epochLength] != e.name {
		return 0, nil
	}
	return n, nil
}

// An outgoing event is encoded, but for its offset.
type outgoing struct {
	frames []*engine.Frame
	offset []byte // where it goes, in the first of the frames; nil if it has none

	// What follows is known of an event that a shared log gives its offset, and the
	// arguments only until Emit returns, unless the codec is another than JSON's.
	event string
	args  []any
}

// event encodes an event, or says what is wrong with it. Where clients can recover,
// one that needs no ack gets an offset.
func (n *Namespace) event(name string, id int64, args []any, compress bool) (outgoing, error) {
	if packet.Reserved(name) {
		return outgoing{}, CheckEvent(name)
	}
	p := packet.Outgoing{Type: packet.Event, ID: id, Event: name, Args: args}
	if !n.stamps(id) {
		frames, err := n.encode(p, compress)
		return outgoing{frames: frames, event: name, args: args}, err
	}
	blank := n.history.epoch.blank
	p.Args = append(args[:len(args):len(args)], blank)
	frames, err := n.encode(p, compress)
	if err != nil {
		return outgoing{}, err
	}
	payload := frames[0].Payload()
	at := bytes.LastIndex(payload, []byte(blank))
	if at < 0 {
		return outgoing{}, errBlank(n.server.cfg.Codec)
	}
	return outgoing{frames: frames, offset: payload[at : at+offsetLength]}, nil
}

// stamps reports whether an event is encoded with room for an offset. In a log that all
// nodes share offsets are of any length: see withOffset.
func (n *Namespace) stamps(id int64) bool {
	return n.history != nil && n.shared == nil && id == packet.NoID
}

// probeRecovery returns an error if clients could not recover for the codec's sake.
func (n *Namespace) probeRecovery() error {
	if n.history == nil {
		return nil
	}
	unfit := errBlank(n.server.cfg.Codec)
	err := unfit
	n.server.guard("Config.Codec", func() {
		var frames []*engine.Frame
		frames, err = n.encode(packet.Outgoing{Type: packet.Event, ID: packet.NoID, Event: "probe", Args: []any{offsetDigits}}, true)
		if err == nil && !bytes.Contains(frames[0].Payload(), []byte(offsetDigits)) {
			err = unfit
		}
	})
	return err
}

func errBlank(codec packet.Codec) error {
	return fmt.Errorf("socketio: Config.ConnectionStateRecovery needs a codec that writes strings as they are, "+
		"and Config.Codec, a %T, does not: leave one of them out", codec)
}

// stamp writes the offset, before any other goroutine sees the event.
func (n *Namespace) stamp(out outgoing, at offset) {
	if out.offset != nil {
		n.history.epoch.put(out.offset, at)
	}
}
