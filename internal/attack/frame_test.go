package attack

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Opcodes (RFC 6455, section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// A frame is a WebSocket frame to be sent, right or wrong. The zero value is the
// last, masked, empty continuation, with its length in as few bytes as it takes.
type frame struct {
	op       byte
	payload  string
	more     bool // without FIN
	rsv      byte // the reserved bits, 4, 2 and 1
	unmasked bool
	wide     int  // bytes of the length, 2 or 8, where more than it takes
	short    bool // ends with the header
	length   uint64
}

var maskKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// bytes returns the frame as it goes over the wire. A length that is set stands in
// the header in place of the payload's.
func (f frame) bytes() string {
	length := f.length
	if length == 0 {
		length = uint64(len(f.payload))
	}
	first := f.op | f.rsv<<4
	if !f.more {
		first |= 0x80
	}
	var mask byte
	if !f.unmasked {
		mask = 0x80
	}
	b := []byte{first}
	switch {
	case f.wide == 8 || length > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), length)
	case f.wide == 2 || length > 125:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(length))
	default:
		b = append(b, mask|byte(length))
	}
	if !f.unmasked {
		b = append(b, maskKey[:]...)
	}
	if f.short {
		return string(b)
	}
	start := len(b)
	b = append(b, f.payload...)
	if !f.unmasked {
		for i := range b[start:] {
			b[start+i] ^= maskKey[i%4]
		}
	}
	return string(b)
}

// text and the others are whole frames, ready to be sent.
func text(payload string) string      { return frame{op: opText, payload: payload}.bytes() }
func binaryOf(payload string) string  { return frame{op: opBinary, payload: payload}.bytes() }
func pingOf(payload string) string    { return frame{op: opPing, payload: payload}.bytes() }
func closeRaw(payload string) string  { return frame{op: opClose, payload: payload}.bytes() }
func closeOf(code uint16) string      { return closeRaw(string(binary.BigEndian.AppendUint16(nil, code))) }
func partOf(op byte, p string) string { return frame{op: op, payload: p, more: true}.bytes() }
func restOf(payload string) string    { return frame{payload: payload}.bytes() }

// frame reads one that the server has sent. Its first byte tells FIN, the reserved
// bits and the opcode.
func (w *wire) frame() (first byte, payload string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return 0, "", err
	}
	length := uint64(head[1] & 0x7f)
	if length >= 126 {
		wide := make([]byte, 8)
		from := 6
		if length == 127 {
			from = 0
		}
		if _, err := io.ReadFull(w.in, wide[from:]); err != nil {
			return 0, "", err
		}
		length = binary.BigEndian.Uint64(wide)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(w.in, body); err != nil {
		return 0, "", err
	}
	w.log.add("<", w.name, fmt.Sprintf("(%02x) %s", head[0], body))
	return head[0], string(body), nil
}
