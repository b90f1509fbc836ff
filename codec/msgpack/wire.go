package msgpack

import (
	"math"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/kawat-go/kawat/core/packet"
)

// A kind is what a value on the wire is.
type kind byte

const (
	nilKind kind = iota
	undefinedKind
	boolKind
	intKind  // what fits in an int64
	uintKind // what is greater
	floatKind
	stringKind
	binaryKind
	dateKind
	arrayKind
	mapKind
)

// An item is a value on the wire, of an array or a map only its head.
type item struct {
	kind kind
	num  uint64 // a number's bits, milliseconds, 1 for true, how many elements or pairs follow
	data []byte // of a string or binary: a part of the message
}

func (i item) float() float64 { return math.Float64frombits(i.num) }

// number returns what a number is as a float64, as JavaScript has it.
func (i item) number() float64 {
	switch i.kind {
	case intKind:
		return float64(int64(i.num))
	case uintKind:
		return float64(i.num)
	}
	return i.float()
}

// finite reports whether JSON can say what the item is, if it is a number.
func (i item) finite() bool {
	return i.kind != floatKind || !math.IsNaN(i.float()) && !math.IsInf(i.float(), 0)
}

// bytes returns an item's data with a capacity that ends with it: it may be handed
// to several who append to it.
func (i item) bytes() []byte { return i.data[:len(i.data):len(i.data)] }

// What notepack.io makes of JavaScript's own types are extensions of type 0, told
// apart by how they are written: one byte is undefined, eight are a Date, and with
// a length in front it is an ArrayBuffer.
const (
	extType       = 0
	fixext1  byte = 0xd4
	fixext8  byte = 0xd7
	fixext16 byte = 0xd8
	ext8     byte = 0xc7
	ext32    byte = 0xc9
)

// maxDate is how far JavaScript's dates go, in milliseconds from 1970.
const maxDate = 8_640_000_000_000_000

// next reads one item. Nothing is allocated, and what an item claims to hold is
// there: data to its last byte, elements with a byte each at the least.
func next(b []byte) (i item, rest []byte, err error) {
	if len(b) == 0 {
		return i, nil, packet.ErrInvalidPayload
	}
	if c := b[0]; c >= ext8 && c <= ext32 || c >= fixext1 && c <= fixext16 {
		return extension(b)
	}
	var n uint32
	switch msgp.NextType(b) {
	case msgp.NilType:
		i.kind = nilKind
		rest, err = msgp.ReadNilBytes(b)
	case msgp.BoolType:
		var v bool
		i.kind = boolKind
		if v, rest, err = msgp.ReadBoolBytes(b); v {
			i.num = 1
		}
	case msgp.IntType:
		var v int64
		i.kind = intKind
		v, rest, err = msgp.ReadInt64Bytes(b)
		i.num = uint64(v)
	case msgp.UintType:
		i.num, rest, err = msgp.ReadUint64Bytes(b)
		if i.kind = intKind; i.num > math.MaxInt64 {
			i.kind = uintKind
		}
	case msgp.Float32Type, msgp.Float64Type:
		var v float64
		i.kind = floatKind
		v, rest, err = msgp.ReadFloat64Bytes(b)
		i.num = math.Float64bits(v)
	case msgp.StrType:
		i.kind = stringKind
		i.data, rest, err = msgp.ReadStringZC(b)
	case msgp.BinType:
		i.kind = binaryKind
		i.data, rest, err = msgp.ReadBytesZC(b)
	case msgp.ArrayType:
		i.kind = arrayKind
		n, rest, err = msgp.ReadArrayHeaderBytes(b)
		i.num = uint64(n)
	case msgp.MapType:
		i.kind = mapKind
		n, rest, err = msgp.ReadMapHeaderBytes(b)
		i.num = uint64(n)
	default:
		err = packet.ErrInvalidPayload
	}
	left := uint64(len(rest))
	if err != nil || i.kind == arrayKind && i.num > left || i.kind == mapKind && 2*i.num > left {
		return item{}, nil, packet.ErrInvalidPayload
	}
	return i, rest, nil
}

// extension reads an item that is an extension.
func extension(b []byte) (i item, rest []byte, err error) {
	var size int
	c, at := b[0], 1 // at is where the type is
	if c >= fixext1 {
		size = 1 << (c - fixext1)
	} else if at += 1 << (c - ext8); at <= len(b) {
		for _, digit := range b[1:at] {
			size = size<<8 | int(digit)
		}
	}
	switch {
	case at >= len(b):
		return i, nil, packet.ErrInvalidPayload
	case b[at] != extType:
		return i, nil, errExt
	case len(b)-at-1 < size:
		return i, nil, packet.ErrInvalidPayload
	}
	data, rest := b[at+1:at+1+size], b[at+1+size:]
	switch {
	case c <= ext32:
		i.kind, i.data = binaryKind, data
	case c == fixext1:
		i.kind = undefinedKind
	case c == fixext8:
		i.kind = dateKind
		for _, digit := range data {
			i.num = i.num<<8 | uint64(digit)
		}
		if ms := int64(i.num); ms > maxDate || ms < -maxDate {
			return item{}, nil, packet.ErrInvalidPayload
		}
	default:
		return i, nil, errExt
	}
	return i, rest, nil
}

// skip checks one value, at most so deep, and returns what is behind it. Strings
// are UTF-8, and the keys of maps are strings.
func skip(b []byte, depth int) (rest []byte, err error) {
	i, rest, err := next(b)
	switch {
	case err != nil:
		return nil, err
	case i.kind == stringKind && !utf8.Valid(i.data):
		return nil, packet.ErrInvalidPayload
	case i.kind < arrayKind:
		return rest, nil
	}
	return skipAll(i, rest, depth)
}

// A level is a container that is being read.
type level struct {
	left  uint64 // items that are still to come
	names bool   // every other item, while left is even, is a key
}

func levelOf(i item) level {
	if i.kind == mapKind {
		return level{2 * i.num, true}
	}
	return level{i.num, false}
}

// skipAll checks what is in a container.
func skipAll(i item, b []byte, depth int) (rest []byte, err error) {
	if depth < 1 {
		return nil, packet.ErrTooDeep
	}
	var few [8]level
	open := append(few[:0], levelOf(i))
	for len(open) > 0 {
		top := &open[len(open)-1]
		if top.left == 0 {
			open = open[:len(open)-1]
			continue
		}
		if i, b, err = next(b); err != nil {
			return nil, err
		}
		if top.names && top.left%2 == 0 && i.kind != stringKind || i.kind == stringKind && !utf8.Valid(i.data) {
			return nil, packet.ErrInvalidPayload
		}
		top.left--
		if i.kind < arrayKind {
			continue
		}
		if len(open) == depth {
			return nil, packet.ErrTooDeep
		}
		open = append(open, levelOf(i))
	}
	return b, nil
}
