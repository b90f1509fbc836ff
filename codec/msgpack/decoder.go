package msgpack

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/packet"
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
		return p, false, err
	}
	if p, err = d.packet(&f); err != nil {
		return packet.Incoming{}, false, err
	}
	return p, true, nil
}

// fields are those of a packet, whatever their order.
type fields struct {
	kind, namespace, id item
	data                item   // what kind of payload there is
	body                []byte // the elements of the payload if it is an array, else itself
	count               int    // of the elements
	few                 [8]int // where the first of them end in the body: spares an allocation
	more                []int  // where the others do
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
	f.id.kind, f.data.kind = undefinedKind, undefinedKind
	head, b, err := next(b)
	if err != nil || head.kind != mapKind {
		return packet.ErrInvalidPayload
	}
	for range head.num {
		var key item
		if key, b, err = next(b); err != nil || key.kind != stringKind {
			return packet.ErrInvalidPayload
		}
		switch string(key.data) {
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
			if !utf8.Valid(key.data) {
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
func (f *fields) scalar(key int, i *item, b []byte) (rest []byte, err error) {
	if f.seen[key] {
		return nil, packet.ErrInvalidPayload
	}
	f.seen[key] = true
	if *i, rest, err = next(b); err == nil && i.kind >= arrayKind {
		err = packet.ErrInvalidPayload
	}
	return rest, err
}

// payload reads the value of the key data.
func (f *fields) payload(b []byte, limits packet.Limits) (rest []byte, err error) {
	if f.data, rest, err = next(b); err != nil {
		return nil, err
	}
	if f.data.kind != arrayKind {
		if rest, err = skip(b, limits.Depth); err == nil {
			f.body = b[:len(b)-len(rest)]
			f.add(len(f.body))
		}
		return rest, err
	}
	if f.data.num > uint64(limits.Args) {
		return nil, packet.ErrTooManyArgs
	}
	f.body = rest
	for range f.data.num {
		if rest, err = skip(rest, limits.Depth-1); err != nil {
			return nil, err
		}
		f.add(len(f.body) - len(rest))
	}
	return rest, nil
}

// packet makes a packet of its fields.
func (d *decoder) packet(f *fields) (p packet.Incoming, err error) {
	if f.kind.kind != intKind || !f.seen[0] || f.kind.num > uint64(packet.ConnectError) {
		return p, errType
	}
	p.Type = packet.Type(f.kind.num)
	name := f.namespace.data
	if f.namespace.kind != stringKind || len(name) == 0 || name[0] != '/' ||
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
		if ok = f.data.kind == mapKind; f.data.kind <= undefinedKind {
			ok, from = true, f.count
		}
	case packet.Disconnect:
		ok, from = f.data.kind == undefinedKind, f.count
	case packet.ConnectError:
		ok = f.data.kind == mapKind || f.data.kind == stringKind
	case packet.Ack:
		ok = f.data.kind == arrayKind
	case packet.Event:
		if f.data.kind == arrayKind && f.count > 0 {
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

func idOf(i item) (int64, error) {
	switch {
	case i.kind == undefinedKind:
		return packet.NoID, nil
	case i.kind != intKind || int64(i.num) < 0 || int64(i.num) > packet.MaxID:
		return 0, packet.ErrID
	}
	return int64(i.num), nil
}

// eventName returns an event's name from the array's first element: a string or a
// number's text.
func (d *decoder) eventName(raw []byte) (name string, ok bool) {
	i, _, err := next(raw)
	switch {
	case err != nil || !i.finite():
	case i.kind == stringKind:
		return shared(&d.event, i.data), true
	case i.kind == intKind:
		return strconv.FormatInt(int64(i.num), 10), true
	case i.kind == uintKind:
		return strconv.FormatUint(i.num, 10), true
	case i.kind == floatKind:
		return jsontext.Float(i.float()).String(), true
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
