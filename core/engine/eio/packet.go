package eio

import (
	"encoding/base64"
	"errors"
)

// A Type is the type of a packet; its digit on the wire is '0' + Type.
type Type byte

// The types of packets. Open, Ping and Noop are the server's; Pong is the
// client's; Close, Message and Upgrade are sent as the protocol's states allow.
const (
	Open Type = iota
	Close
	Ping
	Pong
	Message
	Upgrade
	Noop
)

// Digit returns the character that stands for the type on the wire.
func (t Type) Digit() byte { return '0' + byte(t) }

// A Packet is one decoded packet. Binary packets are always messages.
type Packet struct {
	Type   Type
	Binary bool
	Data   []byte
}

// ErrPacket says that what arrived is no packet of this protocol.
var ErrPacket = errors.New("invalid packet")

// Parse reads a text packet. One that begins with the letter b is binary data in
// base64, which is how it travels in a payload, and over connections of clients
// that cannot have it otherwise. The data of other packets is a part of text.
func Parse(text []byte) (Packet, error) {
	if len(text) == 0 {
		return Packet{}, ErrPacket
	}
	if text[0] == 'b' {
		return parseBase64(text[1:])
	}
	t := Type(text[0] - '0')
	if t > Noop {
		return Packet{}, ErrPacket
	}
	return Packet{Type: t, Data: text[1:]}, nil
}

func parseBase64(text []byte) (Packet, error) {
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(data, text)
	if err != nil {
		return Packet{}, ErrPacket
	}
	return Packet{Type: Message, Binary: true, Data: data[:n]}, nil
}
