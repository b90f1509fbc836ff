package msgpack

import (
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/kawat-go/kawat/core/packet"
)

// Encode implements [packet.Codec].
//
// The arguments are only read, and not after Encode has returned: there are no
// attachments. An error says which argument could not be encoded and why, as that
// of [packet.JSONCodec] does.
func (codec) Encode(dst []byte, p packet.Outgoing) (out packet.Encoded, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = packet.Encoded{}, fmt.Errorf("panic in a method of the value: %v", r)
		}
	}()
	e := encoders.Get().(*encoder)
	dst, err = e.packet(dst, p)
	encoders.Put(e) // but not after a panic, in the midst of a value
	if err != nil {
		return packet.Encoded{}, fmt.Errorf("encode %v packet: %w", p.Type, err)
	}
	return packet.Encoded{Head: dst, Binary: true}, nil
}

var encoders = sync.Pool{New: func() any { return newEncoder() }}

// packet appends a packet, with its keys in the order that the reference has.
func (e *encoder) packet(dst []byte, p packet.Outgoing) (_ []byte, err error) {
	name := p.Namespace
	switch {
	case p.Type > packet.ConnectError:
		return nil, errors.New("not a type to be sent")
	case name == "":
		name = "/"
	case name[0] != '/' || !utf8.ValidString(name):
		return nil, fmt.Errorf("namespace %q must start with a slash and be UTF-8", name)
	}
	array := p.Type == packet.Event || p.Type == packet.Ack
	keys, withData, withID := 2, array || len(p.Args) > 0, array && p.ID >= 0
	if withData {
		keys++
	}
	if withID {
		keys++
	}
	dst = msgp.AppendMapHeader(dst, uint32(keys))
	if withID && p.Type == packet.Ack {
		dst = appendID(dst, p.ID)
	}
	dst = msgp.AppendString(dst, keyType)
	dst = append(dst, byte(p.Type))
	if withData {
		if dst, err = e.data(msgp.AppendString(dst, keyData), p); err != nil {
			return nil, err
		}
	}
	if withID && p.Type == packet.Event {
		dst = appendID(dst, p.ID)
	}
	return msgp.AppendString(msgp.AppendString(dst, keyNamespace), name), nil
}

// fits reports whether a value can be what a CONNECT or CONNECT_ERROR has to say.
// Clients of protocol 4 are refused with texts and lists, too.
func fits(t packet.Type, value msgp.Type) bool {
	return value == msgp.MapType || t == packet.ConnectError && (value == msgp.StrType || value == msgp.ArrayType)
}

func appendID(dst []byte, id int64) []byte {
	return msgp.AppendUint64(msgp.AppendString(dst, keyID), uint64(id))
}

// data appends the payload.
func (e *encoder) data(dst []byte, p packet.Outgoing) (_ []byte, err error) {
	switch p.Type {
	case packet.Disconnect:
		return nil, errors.New("it takes no arguments")
	case packet.Connect, packet.ConnectError:
		start := len(dst)
		dst, err = e.value(dst, p.Args[0], 0)
		if err == nil && (len(p.Args) > 1 || !fits(p.Type, msgp.NextType(dst[start:]))) {
			err = errors.New("its one argument must be an object")
		}
		return dst, err
	}
	count := len(p.Args)
	if p.Type == packet.Event {
		count++
	}
	dst = msgp.AppendArrayHeader(dst, uint32(count))
	if p.Type == packet.Event {
		if dst, err = appendString(dst, p.Event); err != nil {
			return nil, fmt.Errorf("event name: %w", err)
		}
	}
	for i, arg := range p.Args {
		if dst, err = e.value(dst, arg, 1); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	return dst, nil
}
