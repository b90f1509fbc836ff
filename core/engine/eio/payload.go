package eio

import (
	"bytes"
	"encoding/base64"
	"iter"
	"unicode/utf8"
)

// Separator stands between two packets of a payload.
const Separator = '\x1e'

// Packets reads a payload packet by packet. It ends after the first error, and
// reports one for a payload that is empty or not UTF-8. The data of text packets
// is a part of payload.
func Packets(payload []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if !utf8.Valid(payload) {
			yield(Packet{}, ErrPacket)
			return
		}
		for rest, more := payload, true; more; {
			var text []byte
			text, rest, more = bytes.Cut(rest, []byte{Separator})
			p, err := Parse(text)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// AppendText appends a text packet, as a message connection would carry it, to
// a payload.
func AppendText(payload, packet []byte) []byte {
	return append(separated(payload), packet...)
}

// AppendBinary appends a binary message to a payload.
func AppendBinary(payload, data []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(separated(payload), 'b'), data)
}

func separated(payload []byte) []byte {
	if len(payload) == 0 {
		return payload
	}
	return append(payload, Separator)
}
