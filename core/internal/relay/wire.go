package relay

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/kawat-go/kawat/core/engine"
)

// A kind is the first byte of a message. Other versions know it: do not change it.
type kind byte

// Messages of the door to the owner. After the kind comes the stream's id and, but for
// an ack and a reset, which count without it, the message's number in the stream.
const (
	request kind = 1 + iota // flags, the request, the body or its beginning
	upData                  // bytes
	upEnd                   // how; a code and a text
	start                   // the WebSocket is open
	moveOn                  // the door is about to end: let the client go
	upAck                   // how many bytes have been taken
	reset                   // the door has given the stream up: flags, the session's id if something was lost
	roll                    // no stream's
)

// Messages of the owner to the door.
const (
	reply    kind = 64 + iota // flags, the reply, the body or its beginning
	downData                  // bytes
	downEnd                   // the body is complete
	goOn                      // the body may come
	accepted                  // the WebSocket may be opened
	closing                   // the WebSocket's code and reason
	downAck
	abort  // the owner has given the stream up
	answer // no stream's: to a roll
)

// The flags of a request.
const (
	isSecure = 1 << iota
	isUpgrade
	isWhole // the body is here in full
	waits   // the body comes when it may
)

// Flags of other messages.
const (
	isLost     = 1 // of a reset: the session must end
	isComplete = 1 // of a reply: its body is here in full
)

// How what comes up ends.
const (
	endWell   = iota // the body is complete; the connection was closed
	endCut           // the body is not
	endLate          // and will not be
	endLarge         // and is too large
	endBroken        // the connection's peer has broken its protocol
)

// upwards reports whether a kind is one that the door sends.
func (k kind) upwards() bool { return k < reply }

// numbered reports whether a message counts in its stream.
func (k kind) numbered() bool { return k != upAck && k != downAck && k != reset && k != abort }

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendHeader(b []byte, h engine.Header) []byte {
	b = binary.AppendUvarint(b, uint64(len(h)))
	for name, values := range h {
		b = binary.AppendUvarint(appendText(b, name), uint64(len(values)))
		for _, value := range values {
			b = appendText(b, value)
		}
	}
	return b
}

func appendRequest(b []byte, r *engine.Request) []byte {
	for _, text := range []string{r.Method, r.Path, r.RawQuery, r.RemoteAddr} {
		b = appendText(b, text)
	}
	b = binary.AppendVarint(b, r.ContentLength)
	return appendHeader(b, r.Header)
}

var errMessage = errors.New("relay: a message that makes no sense")

// A parser takes a message apart. After an error it returns nothing but zeros.
type parser struct {
	rest []byte
	err  error
}

func (p *parser) fail() {
	p.rest, p.err = nil, errMessage
}

func (p *parser) byte() byte {
	if len(p.rest) == 0 {
		p.fail()
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

func (p *parser) number() uint64 {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 {
		p.fail()
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *parser) signed() int64 {
	n, size := binary.Varint(p.rest)
	if size <= 0 {
		p.fail()
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *parser) text() string {
	n := p.number()
	if n > uint64(len(p.rest)) {
		p.fail()
		return ""
	}
	text := string(p.rest[:n])
	p.rest = p.rest[n:]
	return text
}

func (p *parser) header() engine.Header {
	h := engine.Header{}
	for range p.count() {
		name := p.text()
		var values []string
		for range p.count() {
			values = append(values, p.text())
		}
		h[name] = values
	}
	return h
}

// reply is one without its body. Whatever the other node is, the host must be able to
// write it, and it must not end before it ends, or be two.
func (p *parser) reply() *engine.Reply {
	status, header := p.number(), p.header()
	if status < 200 || status > 599 {
		p.fail()
	}
	for name, values := range header {
		if name == "" || strings.ContainsFunc(name+strings.Join(values, ""), control) {
			p.fail()
		}
	}
	return &engine.Reply{Status: int(status), Header: header}
}

func control(c rune) bool { return c < ' ' || c == 0x7f }

// count is a number of things each of which takes a byte at least.
func (p *parser) count() int {
	n := p.number()
	if n > uint64(len(p.rest)) {
		p.fail()
		return 0
	}
	return int(n)
}

func (p *parser) request() *engine.Request {
	return &engine.Request{
		Method: p.text(), Path: p.text(), RawQuery: p.text(), RemoteAddr: p.text(), ContentLength: p.signed(), Header: p.header(),
	}
}
