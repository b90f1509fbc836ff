package eio

import (
	"encoding/base64"
	"iter"
	"strconv"
	"unicode/utf8"
)

// What follows reads and writes revision 3, which clients spoke before Socket.IO 3.
// Its text packets over a connection of messages are those of revision 4. A binary
// packet has its type in front: as a byte, or behind the letter b where it is
// written in base64.

// ParseRev3 is [Parse] for revision 3.
func ParseRev3(text []byte) (Packet, error) {
	if len(text) == 0 || text[0] != 'b' {
		return Parse(text)
	}
	if len(text) < 2 || text[1] != Message.Digit() {
		return Packet{}, ErrPacket // only messages are binary
	}
	return parseBase64(text[2:])
}

// ParseBinaryRev3 reads a binary packet of revision 3. Its data is a part of packet.
func ParseBinaryRev3(packet []byte) (Packet, error) {
	if len(packet) == 0 || packet[0] != byte(Message) {
		return Packet{}, ErrPacket
	}
	return Packet{Type: Message, Binary: true, Data: packet[1:]}, nil
}

// PacketsRev3 is [Packets] for the text payloads of revision 3: each packet stands
// behind its length in UTF-16 code units and a colon. A packet of length 0 is
// skipped, since that is how a payload without packets is written.
func PacketsRev3(payload []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if len(payload) == 0 || !utf8.Valid(payload) {
			yield(Packet{}, ErrPacket)
			return
		}
		for rest := payload; len(rest) > 0; {
			var text []byte
			var err error
			if text, rest, err = cutText(rest); err == nil && len(text) == 0 {
				continue
			}
			var p Packet
			if err == nil {
				p, err = ParseRev3(text)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// cutText cuts <length>:<packet> off a payload.
func cutText(payload []byte) (packet, rest []byte, err error) {
	units, i := 0, 0
	for ; i < len(payload) && '0' <= payload[i] && payload[i] <= '9'; i++ {
		// No character has more units than bytes, so this cannot be there.
		if units = 10*units + int(payload[i]-'0'); units > len(payload) {
			return nil, nil, ErrPacket
		}
	}
	if i == 0 || i == len(payload) || payload[i] != ':' {
		return nil, nil, ErrPacket
	}
	payload = payload[i+1:]
	end := 0
	for ; units > 0; units-- {
		if end == len(payload) {
			return nil, nil, ErrPacket
		}
		if payload[end] < utf8.RuneSelf {
			end++
			continue
		}
		r, size := utf8.DecodeRune(payload[end:])
		if end += size; r > 0xffff { // a pair of surrogates, not to be parted
			if units--; units == 0 {
				return nil, nil, ErrPacket
			}
		}
	}
	return payload[:end], payload[end:], nil
}

// BinaryPacketsRev3 is [Packets] for the binary payloads of revision 3: each packet
// stands behind a byte, 0 for text and 1 for binary, the digits of its length in
// bytes, as bytes from 0 to 9, and the byte 255.
func BinaryPacketsRev3(payload []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if len(payload) == 0 {
			yield(Packet{}, ErrPacket)
			return
		}
		for rest := payload; len(rest) > 0; {
			var p Packet
			var packet []byte
			var err error
			binary := rest[0] == 1
			if packet, rest, err = cutBinary(rest); err == nil {
				if binary {
					p, err = ParseBinaryRev3(packet)
				} else if p, err = ParseRev3(packet); !utf8.Valid(packet) {
					p, err = Packet{}, ErrPacket
				}
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// cutBinary cuts a packet off a binary payload.
func cutBinary(payload []byte) (packet, rest []byte, err error) {
	const end = 0xff
	length, i := 0, 1
	for ; i < len(payload) && payload[i] <= 9; i++ {
		if length = 10*length + int(payload[i]); length > len(payload) {
			return nil, nil, ErrPacket
		}
	}
	if payload[0] > 1 || i == 1 || i == len(payload) || payload[i] != end || length > len(payload)-i-1 {
		return nil, nil, ErrPacket
	}
	payload = payload[i+1:]
	return payload[:length], payload[length:], nil
}

// AppendTextRev3 appends a text packet, as a message connection would carry it, to
// a text payload of revision 3.
func AppendTextRev3(payload, packet []byte) []byte {
	payload = strconv.AppendInt(payload, int64(units(packet)), 10)
	return append(append(payload, ':'), packet...)
}

// units returns the length of a text in UTF-16 code units.
func units(text []byte) int {
	n := 0
	for _, b := range text {
		switch {
		case b >= 0xf0: // begins four bytes
			n += 2
		case b < 0x80 || b >= 0xc0:
			n++
		}
	}
	return n
}

// AppendBase64Rev3 appends a binary message, in base64, to a text payload of
// revision 3.
func AppendBase64Rev3(payload, data []byte) []byte {
	payload = strconv.AppendInt(payload, int64(2+base64.StdEncoding.EncodedLen(len(data))), 10)
	return AppendMessageBase64Rev3(append(payload, ':'), data)
}

// AppendMessageBase64Rev3 appends a binary message as a text packet in base64, for
// connections of clients that cannot have it otherwise.
func AppendMessageBase64Rev3(dst, data []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, 'b', Message.Digit()), data)
}

// AppendBinaryPayloadRev3 appends a packet to a binary payload of revision 3: a text
// packet, as a message connection would carry it, or the data of a binary message.
func AppendBinaryPayloadRev3(payload, packet []byte, binary bool) []byte {
	kind, length := byte(0), len(packet)
	if binary {
		kind, length = 1, length+1
	}
	payload = append(payload, kind)
	first := len(payload)
	payload = strconv.AppendInt(payload, int64(length), 10)
	for i := first; i < len(payload); i++ {
		payload[i] -= '0'
	}
	if payload = append(payload, 0xff); binary {
		payload = append(payload, byte(Message))
	}
	return append(payload, packet...)
}
