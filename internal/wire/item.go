package wire

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// A kind is what a value in MessagePack is.
type kind byte

const (
	nilKind kind = iota // and undefined
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

// An item is a value, of an array or a map only its head.
type item struct {
	kind kind
	num  uint64 // a number's bits, milliseconds, 1 for true, how many elements or pairs follow
	data []byte // of a string or binary: a part of the message
}

func (i item) float() float64 {
	switch i.kind {
	case intKind:
		return float64(int64(i.num))
	case uintKind:
		return float64(i.num)
	}
	return math.Float64frombits(i.num)
}

// The first bytes of extensions.
const (
	fixext1  byte = 0xd4
	fixext8  byte = 0xd7
	fixext16 byte = 0xd8
	ext8     byte = 0xc7
	ext32    byte = 0xc9
)

// next reads one item. Nothing is allocated, and what an item claims to hold is
// there: data to its last byte, elements with a byte each at the least.
func next(b []byte) (i item, rest []byte, err error) {
	if len(b) == 0 {
		return i, nil, ErrMalformed
	}
	if c := b[0]; c >= ext8 && c <= ext32 || c >= fixext1 && c <= fixext16 {
		return extension(b)
	}
	var n uint32
	switch msgp.NextType(b) {
	case msgp.NilType:
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
		err = ErrMalformed
	}
	left := uint64(len(rest))
	if err != nil || i.kind == arrayKind && i.num > left || i.kind == mapKind && 2*i.num > left {
		return item{}, nil, ErrMalformed
	}
	return i, rest, nil
}

// The types of extensions: those of notepack.io 2, told apart by how they are
// written (one byte is undefined, eight are a date, with a length in front it is
// binary), and the standard's timestamp.
const (
	notepackType  = 0
	timestampType = 0xff
)

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
	if at >= len(b) || len(b)-at-1 < size {
		return i, nil, ErrMalformed
	}
	data, rest := b[at+1:at+1+size], b[at+1+size:]
	switch {
	case b[at] == timestampType:
		i, err = timestamp(data)
	case b[at] != notepackType:
		err = ErrMalformed
	case c <= ext32:
		i = item{kind: binaryKind, data: data}
	case c == fixext1: // undefined
	case c == fixext8:
		i = item{kind: dateKind, num: binary.BigEndian.Uint64(data)}
	default:
		err = ErrMalformed
	}
	return i, rest, err
}

// timestamp reads the standard's three forms, as JavaScript's milliseconds.
func timestamp(data []byte) (i item, err error) {
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
		return i, ErrMalformed
	}
	seconds = max(min(seconds, maxDate), -maxDate) // beyond all dates anyway
	return item{kind: dateKind, num: uint64(seconds*1000 + int64(nanoseconds/1e6))}, nil
}

// maxDate is how far JavaScript's dates go, in milliseconds from 1970.
const maxDate = 8_640_000_000_000_000

// appendDate appends a date as JavaScript's JSON has it: one that is none is null.
func appendDate(dst []byte, ms int64) []byte {
	if ms > maxDate || ms < -maxDate {
		return append(dst, "null"...)
	}
	t := time.UnixMilli(ms).UTC()
	dst = append(dst, '"')
	switch y := t.Year(); {
	case y < 0:
		dst = appendYear(append(dst, '-'), -y)
	case y > 9999:
		dst = appendYear(append(dst, '+'), y)
	default:
		return t.AppendFormat(dst, `2006-01-02T15:04:05.000Z"`)
	}
	return t.AppendFormat(dst, `-01-02T15:04:05.000Z"`)
}

// appendYear appends six digits.
func appendYear(dst []byte, y int) []byte {
	for unit := 100_000; unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(y/unit%10))
	}
	return dst
}
