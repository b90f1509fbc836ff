package websocket

import (
	"encoding/binary"

	"github.com/kawat-go/kawat/core/engine"
)

type opcode byte

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xA
)

func (op opcode) isControl() bool { return op&0x8 != 0 }

func (op opcode) isKnown() bool { return op <= opBinary || op >= opClose && op <= opPong }

// The bits of a header's first two bytes (RFC 6455, section 5.2).
const (
	finBit    = 0x80
	rsv1Bit   = 0x40 // the message is compressed (RFC 7692)
	rsv2And3  = 0x30
	opcodeSet = 0x0f

	maskBit   = 0x80
	lengthSet = 0x7f
	length16  = 126
	length64  = 127
)

const (
	maxHeader  = 14  // the longest header, with 64 bits of length and a mask
	maxControl = 125 // the longest payload of a control frame
)

// A header is what stands before a frame's payload.
type header struct {
	op         opcode
	fin        bool
	compressed bool // RSV1
	reserved   bool // RSV2 or RSV3
	masked     bool
	short      byte   // the length, or how it is encoded
	key        uint32 // the masking key, its first byte lowest
	size       int    // of the header itself; 0 while it is incomplete
	length     uint64 // of the payload; 0 while it is incomplete
}

// readStart reads the two bytes that every header begins with.
func (h *header) readStart(b []byte) {
	h.op = opcode(b[0] & opcodeSet)
	h.fin = b[0]&finBit != 0
	h.compressed = b[0]&rsv1Bit != 0
	h.reserved = b[0]&rsv2And3 != 0
	h.masked = b[1]&maskBit != 0
	h.short = b[1] & lengthSet
}

// readRest reads the length and the key as far as they are there, and sets the
// size when they all are.
func (h *header) readRest(b []byte) *engine.ConnError {
	size := 2
	switch h.short {
	case length16:
		size = 4
		if len(b) < size {
			return nil
		}
		h.length = uint64(binary.BigEndian.Uint16(b[2:]))
		if h.length < length16 {
			return protocolError("length not minimally encoded")
		}
	case length64:
		size = 10
		if len(b) < size {
			return nil
		}
		h.length = binary.BigEndian.Uint64(b[2:])
		if h.length <= 0xffff || h.length>>63 != 0 {
			return protocolError("length not minimally encoded")
		}
	default:
		h.length = uint64(h.short)
	}
	if h.masked {
		size += 4
		if len(b) < size {
			return nil
		}
		h.key = binary.LittleEndian.Uint32(b[size-4:])
	}
	h.size = size
	return nil
}

// appendHeader appends the header of an unfragmented frame. The key counts only
// if masked is set.
func appendHeader(dst []byte, first byte, length int, masked bool, key uint32) []byte {
	var mask byte
	if masked {
		mask = maskBit
	}
	switch {
	case length < length16:
		dst = append(dst, first, mask|byte(length))
	case length <= 0xffff:
		dst = append(dst, first, mask|length16)
		dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	default:
		dst = append(dst, first, mask|length64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(length))
	}
	if masked {
		dst = binary.LittleEndian.AppendUint32(dst, key)
	}
	return dst
}

// mask masks or unmasks b in place, eight bytes at a time.
func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}
