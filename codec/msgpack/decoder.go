package msgpack

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/internal/notepack"
)

// decoder is the decoder of one connection.
type decoder struct {
	limits packet.Limits

	// The last names, because a client uses few and their strings can then be
	// shared between packets. They are kept if short.
	namespace, event string
}

// Pending implements [packet.Decoder]. Each packet is one message.
func (d *decoder) Pending() bool { return false }

// Add implements [packet.Decoder].
func (d *decoder) Add(data []byte, binary bool) (p packet.Incoming, complete bool, err error) {
	if !binary {
		return p, false, errText
	}
	var f fields
	if err := f.read(data, d.limits); err != nil {
		return p, false, translated(err)
	}
	if p, err = d.packet(&f); err != nil {
		return packet.Incoming{}, false, err
	}
	return p, true, nil
}

// fields are those of a packet, whatever their order.
type fields struct {
	kind, namespace, id notepack.Item
	data                notepack.Item // what kind of payload there is
	body                []byte        // the elements of the payload if it is an array, else itself
	count               int           // of the elements
	few                 [8]int        // where the first of them end in the body: spares an allocation
	more                []int         // where the others do
	seen                [4]bool
}

// add notes where the next element ends.
func (f *fields) add(end int) {
	if f.count < len(f.few) {
		f.few[f.count] = end
	} else {
		f.more = append(f.more, end)
	}
	f.count++
}

// end returns where an element ends.
func (f *fields) end(n int) int {
	if n < len(f.few) {
		return f.few[n]
	}
	return f.more[n-len(f.few)]
}

// read reads a packet's fields. The message is checked to its end.
func (f *fields) read(b []byte, limits packet.Limits) error {
	f.id.Kind, f.data.Kind = notepack.Undefined, notepack.Undefined
	head, b, err := notepack.Next(b)
	if err != nil || head.Kind != notepack.Map {
		return packet.ErrInvalidPayload
	}
	for range head.Num {
		var key notepack.Item
		if key, b, err = notepack.Next(b); err != nil || key.Kind != notepack.String {
			return packet.ErrInvalidPayload
		}
		switch string(key.Data) {
		case keyType:
			b, err = f.scalar(0, &f.kind, b)
		case keyNamespace:
			b, err = f.scalar(1, &f.namespace, b)
		case keyID:
			b, err = f.scalar(2, &f.id, b)
		case keyData:
			if f.seen[3] {
				return packet.ErrInvalidPayload
			}
			f.seen[3] = true
			b, err = f.payload(b, limits)
		default: // the reference's clients send their options along
			if !utf8.Valid(key.Data) {
				return packet.ErrInvalidPayload
			}
			b, err = skip(b, limits.Depth)
		}
		if err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return packet.ErrInvalidPayload
	}
	return nil
}

// scalar reads the value of a key that may come once. Arrays and maps, of which
// only the head is read, are of no kind that the key can have.
func (f *fields) scalar(key int, i *notepack.Item, b []byte) (rest []byte, err error) {
	if f.seen[key] {
		return nil, packet.ErrInvalidPayload
	}
	f.seen[key] = true
	if *i, rest, err = notepack.Next(b); err == nil {
		err = check(*i)
	}
	if err == nil && i.Kind >= notepack.Array {
		err = packet.ErrInvalidPayload
	}
	return rest, err
}

// payload reads the value of the key data.
func (f *fields) payload(b []byte, limits packet.Limits) (rest []byte, err error) {
	if f.data, rest, err = notepack.Next(b); err != nil {
		return nil, err
	}
	if f.data.Kind != notepack.Array {
		if rest, err = skip(b, limits.Depth); err == nil {
			f.body = b[:len(b)-len(rest)]
			f.add(len(f.body))
		}
		return rest, err
	}
	if f.data.Num > uint64(limits.Args) {
		return nil, packet.ErrTooManyArgs
	}
	f.body = rest
	for range f.data.Num {
		if rest, err = skip(rest, limits.Depth-1); err != nil {
			return nil, err
		}
		f.add(len(f.body) - len(rest))
	}
	return rest, nil
}

// packet makes a packet of its fields.
func (d *decoder) packet(f *fields) (p packet.Incoming, err error) {
	if f.kind.Kind != notepack.Int || !f.seen[0] || f.kind.Num > uint64(packet.ConnectError) {
		return p, errType
	}
	p.Type = packet.Type(f.kind.Num)
	name := f.namespace.Data
	if f.namespace.Kind != notepack.String || len(name) == 0 || name[0] != '/' ||
		len(name) > d.limits.NamespaceLength || !utf8.Valid(name) {
		return p, packet.ErrNamespace
	}
	p.Namespace = shared(&d.namespace, name)
	if p.ID, err = idOf(f.id); err != nil {
		return p, err
	}
	from, ok := 0, false // the first argument
	switch p.Type {
	case packet.Connect: // of which an auth of null is none
		if ok = f.data.Kind == notepack.Map; f.data.Kind <= notepack.Undefined {
			ok, from = true, f.count
		}
	case packet.Disconnect:
		ok, from = f.data.Kind == notepack.Undefined, f.count
	case packet.ConnectError:
		ok = f.data.Kind == notepack.Map || f.data.Kind == notepack.String
	case packet.Ack:
		ok = f.data.Kind == notepack.Array
	case packet.Event:
		if f.data.Kind == notepack.Array && f.count > 0 {
			p.Event, ok = d.eventName(f.body)
			ok = ok && !packet.Reserved(p.Event)
			from = 1
		}
	}
	if !ok {
		return p, packet.ErrInvalidPayload
	}
	p.Args = f.args(from)
	return p, nil
}

func idOf(i notepack.Item) (int64, error) {
	switch {
	case i.Kind == notepack.Undefined:
		return packet.NoID, nil
	case i.Kind != notepack.Int || int64(i.Num) < 0 || int64(i.Num) > packet.MaxID:
		return 0, packet.ErrID
	}
	return int64(i.Num), nil
}

// eventName returns an event's name from the array's first element: a string or a
// number's text.
func (d *decoder) eventName(raw []byte) (name string, ok bool) {
	i, _, err := notepack.Next(raw)
	switch {
	case err != nil || !i.IsFinite():
	case i.Kind == notepack.String:
		return shared(&d.event, i.Data), true
	case i.Kind == notepack.Int:
		return strconv.FormatInt(int64(i.Num), 10), true
	case i.Kind == notepack.Uint:
		return strconv.FormatUint(i.Num, 10), true
	case i.Kind == notepack.Float:
		return jsontext.Float(i.Float()).String(), true
	}
	return "", false
}

// args copies the arguments from one on out of the message, in one piece.
func (f *fields) args(from int) packet.Args {
	if from == f.count {
		return packet.Args{}
	}
	start := 0
	if from > 0 {
		start = f.end(from - 1)
	}
	body, args := bytes.Clone(f.body[start:f.end(f.count-1)]), make([][]byte, f.count-from)
	at := 0
	for n := range args {
		end := f.end(from+n) - start
		args[n] = body[at:end:end]
		at = end
	}
	return packet.NewArgs(bind, args, nil)
}

// shared returns text as a string, the last one if it is the same.
func shared(last *string, text []byte) string {
	const keep = 64
	if string(text) == *last {
		return *last
	}
	s := string(text)
	if len(s) <= keep {
		*last = s
	}
	return s
}
