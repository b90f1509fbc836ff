// Package notepack reads MessagePack as notepack.io writes it, item by item, and
// writes what JavaScript has in a way of its own. The codec for clients and the
// messages between nodes are both made of it.
package notepack

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/tinylib/msgp/msgp"
)

// A Kind is what a value is.
type Kind byte

// The kinds. Those from Array on hold others.
const (
	Nil Kind = iota
	Undefined
	Bool
	Int  // what fits in an int64
	Uint // what is greater
	Float
	String
	Binary
	Date      // of notepack.io 2
	Timestamp // of the standard
	Array
	Map
)

// An Item is a value, of an array or a map only its head.
type Item struct {
	Kind Kind
	Num  uint64 // a number's bits, milliseconds, 1 for true, how many elements or pairs follow
	Data []byte // of a string or binary: a part of the message
}

// Float returns what a number is as a float64, as JavaScript has it.
func (i Item) Float() float64 {
	switch i.Kind {
	case Int:
		return float64(int64(i.Num))
	case Uint:
		return float64(i.Num)
	}
	return math.Float64frombits(i.Num)
}

// Bytes returns an item's data with a capacity that ends with it: it may be handed
// to several who append to it.
func (i Item) Bytes() []byte { return i.Data[:len(i.Data):len(i.Data)] }

// The errors of [Next].
var (
	// ErrMalformed says that what came is no MessagePack, or ends too early.
	ErrMalformed = errors.New("notepack: malformed MessagePack")
	// ErrExtension says that an extension is none of those that are known.
	ErrExtension = errors.New("notepack: an extension that is not known")
)

// Next reads one item. Nothing is allocated, and what an item claims to hold is
// there: data to its last byte, elements with a byte each at the least.
func Next(b []byte) (i Item, rest []byte, err error) {
	if len(b) == 0 {
		return i, nil, ErrMalformed
	}
	switch c := b[0]; {
	case c >= ext8 && c <= ext32 || c >= fixext1 && c <= fixext16:
		return extension(b)
	case (c == str32 || c == bin32) && len(b) > 1 && b[1] >= 0x80: // more than an int of 32 bits can be
		return i, nil, ErrMalformed
	}
	var n uint32
	switch msgp.NextType(b) {
	case msgp.NilType:
		i.Kind = Nil
		rest, err = msgp.ReadNilBytes(b)
	case msgp.BoolType:
		var v bool
		i.Kind = Bool
		if v, rest, err = msgp.ReadBoolBytes(b); v {
			i.Num = 1
		}
	case msgp.IntType:
		var v int64
		i.Kind = Int
		v, rest, err = msgp.ReadInt64Bytes(b)
		i.Num = uint64(v)
	case msgp.UintType:
		i.Num, rest, err = msgp.ReadUint64Bytes(b)
		if i.Kind = Int; i.Num > math.MaxInt64 {
			i.Kind = Uint
		}
	case msgp.Float32Type, msgp.Float64Type:
		var v float64
		i.Kind = Float
		v, rest, err = msgp.ReadFloat64Bytes(b)
		i.Num = math.Float64bits(v)
	case msgp.StrType:
		i.Kind = String
		i.Data, rest, err = msgp.ReadStringZC(b)
	case msgp.BinType:
		i.Kind = Binary
		i.Data, rest, err = msgp.ReadBytesZC(b)
	case msgp.ArrayType:
		i.Kind = Array
		n, rest, err = msgp.ReadArrayHeaderBytes(b)
		i.Num = uint64(n)
	case msgp.MapType:
		i.Kind = Map
		n, rest, err = msgp.ReadMapHeaderBytes(b)
		i.Num = uint64(n)
	default:
		err = ErrMalformed
	}
	left := uint64(len(rest))
	if err != nil || i.Kind == Array && i.Num > left || i.Kind == Map && 2*i.Num > left {
		return Item{}, nil, ErrMalformed
	}
	return i, rest, nil
}

// The first bytes of long data, and of extensions.
const (
	str32    byte = 0xdb
	bin32    byte = 0xc6
	fixext1  byte = 0xd4
	fixext8  byte = 0xd7
	fixext16 byte = 0xd8
	ext8     byte = 0xc7
	ext32    byte = 0xc9
)

// The types of extensions: those of notepack.io 2, told apart by how they are
// written (one byte is undefined, eight are a Date, with a length in front it is
// an ArrayBuffer), and the standard's timestamp.
const (
	notepackType  = 0
	timestampType = 0xff
)

// extension reads an item that is an extension.
func extension(b []byte) (i Item, rest []byte, err error) {
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
		return i, nil, ErrMalformed
	case b[at] != notepackType && b[at] != timestampType:
		return i, nil, ErrExtension
	case size < 0 || len(b)-at-1 < size: // an int may have 32 bits
		return i, nil, ErrMalformed
	}
	data, rest := b[at+1:at+1+size], b[at+1+size:]
	switch {
	case b[at] == timestampType:
		if i, err = timestamp(data); err != nil {
			return i, nil, err
		}
	case c <= ext32:
		i = Item{Kind: Binary, Data: data}
	case c == fixext1:
		i.Kind = Undefined
	case c == fixext8:
		i = Item{Kind: Date, Num: binary.BigEndian.Uint64(data)}
	default:
		return i, nil, ErrExtension
	}
	return i, rest, nil
}

// timestamp reads the standard's three forms, as JavaScript's milliseconds.
func timestamp(data []byte) (i Item, err error) {
	var seconds int64
	var nanoseconds uint32
	switch len(data) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(data))
	case 8:
		both := binary.BigEndian.Uint64(data)
		seconds, nanoseconds = int64(both&(1<<34-1)), uint32(both>>34)
	case 12:
		nanoseconds, seconds = binary.BigEndian.Uint32(data), int64(binary.BigEndian.Uint64(data[4:]))
	default:
		return i, ErrExtension
	}
	seconds = max(min(seconds, maxDate), -maxDate) // beyond all dates anyway
	return Item{Kind: Timestamp, Num: uint64(seconds*1000 + int64(nanoseconds/1e6))}, nil
}
