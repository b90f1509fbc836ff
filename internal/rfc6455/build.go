package rfc6455

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"sync"
)

// The bits of a frame's first byte, and the opcodes (section 5.2).
const (
	fin  byte = 0x80
	rsv1 byte = 0x40
	rsv2 byte = 0x20
	rsv3 byte = 0x10

	opCont  byte = 0x0
	opText  byte = 0x1
	opBin   byte = 0x2
	opClose byte = 0x8
	opPing  byte = 0x9
	opPong  byte = 0xa
)

const (
	maskBit  = 0x80
	length16 = 126
	length64 = 127
)

func text(s string) Frame { return Frame{First: fin | opText, Payload: s} }
func bin(s string) Frame  { return Frame{First: fin | opBin, Payload: s} }
func ping(s string) Frame { return Frame{First: fin | opPing, Payload: s} }
func pong(s string) Frame { return Frame{First: fin | opPong, Payload: s} }

// first, more and last are the fragments of a message.
func first(op byte, s string) Frame { return Frame{First: op, Payload: s} }
func more(s string) Frame           { return Frame{First: opCont, Payload: s} }
func last(s string) Frame           { return Frame{First: fin | opCont, Payload: s} }

// bye is a close frame.
func bye(code int, reason string) Frame {
	return Frame{First: fin | opClose, Payload: closeBody(code, reason)}
}

func closeBody(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

func asText(s string) Message   { return Message{Data: s} }
func asBinary(s string) Message { return Message{Data: s, Binary: true} }

func frames(all ...Frame) []Frame { return all }

// fragmented cuts a message into fragments of size bytes.
func fragmented(op byte, data string, size int) (all []Frame) {
	for len(data) > size {
		all = append(all, Frame{First: op, Payload: data[:size]})
		data, op = data[size:], opCont
	}
	return append(all, Frame{First: fin | op, Payload: data})
}

// pieces makes a fragment of each part.
func pieces(op byte, parts ...string) (all []Frame) {
	for i, part := range parts {
		if i == len(parts)-1 {
			op |= fin
		}
		all = append(all, Frame{First: op, Payload: part})
		op = opCont
	}
	return all
}

// claim is a frame whose header claims another length than its payload has.
func claim(firstByte byte, length uint64, payload string) Frame {
	head := binary.BigEndian.AppendUint64([]byte{firstByte, maskBit | length64}, length)
	return Frame{Raw: string(head) + "\x00\x00\x00\x00" + payload}
}

// start is only the first n bytes of frames.
func start(n int, all ...Frame) Frame { return Frame{Raw: string(wire(all)[:n])} }

// rest is what start has left.
func rest(n int, all ...Frame) Frame { return Frame{Raw: string(wire(all)[n:])} }

// pingsIn returns the payloads of the pings among frames.
func pingsIn(all []Frame) (payloads []string) {
	for _, f := range all {
		if f.First == fin|opPing {
			payloads = append(payloads, f.Payload)
		}
	}
	return payloads
}

// wire returns the frames' bytes.
func wire(all []Frame) (b []byte) {
	for _, f := range all {
		b = f.append(b)
	}
	return b
}

func (f Frame) append(b []byte) []byte {
	if f.Raw != "" {
		return append(b, f.Raw...)
	}
	var masked byte
	if f.Mask != Unmasked {
		masked = maskBit
	}
	n := len(f.Payload)
	b = append(b, f.First)
	switch {
	case f.Length == Shortest && n < length16:
		b = append(b, masked|byte(n))
	case f.Length == Bits16 || f.Length == Shortest && n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, masked|length16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|length64), uint64(n))
	}
	if f.Mask == Unmasked {
		return append(b, f.Payload...)
	}
	var key [4]byte
	if f.Mask == Keyed {
		key = f.key()
	}
	b = append(b, key[:]...)
	at := len(b)
	b = append(b, f.Payload...)
	for i := at; i < len(b); i++ {
		b[i] ^= key[(i-at)&3]
	}
	return b
}

// key is another one for every other payload, and the same whenever it is sent: a
// case that fails can be had again.
func (f Frame) key() (key [4]byte) {
	binary.BigEndian.PutUint32(key[:], crc32.ChecksumIEEE([]byte(f.Payload))^0x5ab3c1d7)
	return key
}

// prose returns n bytes of a text that gets shorter when it is compressed.
func prose(n int) string { return someProse()[:n] }

// noise returns n bytes that do not.
func noise(n int) string { return someNoise()[:n] }

const someBytes = MaxPayload + 10

var someProse = sync.OnceValue(func() string {
	words := strings.Fields("satu ikan besar berenang di sungai yang jernih lalu bertemu burung kecil dari hutan seberang")
	random := rand.New(rand.NewPCG(64, 55))
	var b strings.Builder
	b.WriteString("4")
	for b.Len() < someBytes {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteByte(" ,.\n"[random.IntN(4)])
	}
	return b.String()[:someBytes]
})

var someNoise = sync.OnceValue(func() string {
	b := make([]byte, someBytes)
	_, _ = rand.NewChaCha8([32]byte{64, 55}).Read(b)
	return string(b)
})
