package attack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// The steps in this file are about strangers: what a node tells another one in private,
// right and wrong. See package relay for what it means.

// joinsBus lets a stranger join the bus: see [target.Stranger]. "{tag}" is what the ids
// of sessions begin with that are there.
func joinsBus() step {
	return step{"joins the bus", func(a *attacker) error {
		them, err := a.target.Stranger()
		if err != nil {
			return err
		}
		a.them = them
		a.closers = append(a.closers, func() { _ = them.Leave() })
		return nil
	}}
}

// leavesBus lets it leave, as [attacker.hangUp] does.
func leavesBus() step {
	return step{"leaves the bus", func(a *attacker) error {
		a.closers = a.closers[:len(a.closers)-1]
		return a.them.Leave()
	}}
}

func (a *attacker) tag() string {
	if a.them == nil {
		return ""
	}
	id, _ := hex.DecodeString(a.them.ID)
	return base64.RawURLEncoding.EncodeToString(id[:6])
}

// Kinds of messages: what the node says where a client's request arrives, and what the one
// that has the session answers.
const (
	askRequest, askData, askEnd, askStart, askMove, askAck, askReset, askRoll                     = 1, 2, 3, 4, 5, 6, 7, 8
	sayReply, sayData, sayEnd, sayGoOn, sayAccepted, sayClosing, sayAck, sayAbort, sayAnswer byte = 64, 65, 66, 67, 68, 69, 70, 71, 72
)

// Flags of a request.
const flagUpgrade, flagWhole, flagWaits = 2, 4, 8

// piece is a message about a stream, with its number if it has one.
func piece(kind byte, numbers []uint64, rest ...string) string {
	b := []byte{1, kind} // what sessions are about, of all mail
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return string(b) + strings.Join(rest, "")
}

func varint(n uint64) string   { return string(binary.AppendUvarint(nil, n)) }
func prefixed(t string) string { return varint(uint64(len(t))) + t }

// asked is a request in a piece: the stream's first.
func asked(stream uint64, flags byte, method, query string, length int64, body string) string {
	return piece(askRequest, []uint64{stream, 0}, string(flags), prefixed(method), prefixed("/socket.io/"), prefixed(query), prefixed("192.0.2.9:9"),
		string(binary.AppendVarint(nil, length)), varint(1), prefixed("Accept-Encoding"), varint(1), prefixed("gzip"), body)
}

// replied is a reply in a piece, with one header field.
func replied(stream, status uint64, name, value, body string) string {
	return piece(sayReply, []uint64{stream, 0}, "\x01", varint(status), varint(1), prefixed(name), varint(1), prefixed(value), body)
}

const pollQuery, wsQuery = "EIO=4&transport=polling&sid=", "EIO=4&transport=websocket&sid="

// post sends pieces to a node.
func (a *attacker) post(to int, pieces ...string) error {
	all := make([][]byte, len(pieces))
	for i, p := range pieces {
		a.log.add(">", fmt.Sprint("bus ", to), p)
		all[i] = []byte(p)
	}
	return a.them.Post(to, all...)
}

// mailed returns the next piece of that kind that the stranger gets, and whose stream it
// is of. Others before it are passed over.
func (a *attacker) mailed(kind byte) (stream uint64, rest string, err error) {
	for end := time.Now().Add(target.Patience); ; time.Sleep(5 * time.Millisecond) {
		for len(a.mail) > 0 {
			p := a.mail[0]
			if a.mail = a.mail[1:]; !bytes.HasPrefix(p, []byte{1, kind}) {
				continue
			}
			n, size := binary.Uvarint(p[2:])
			if size <= 0 {
				return 0, "", fmt.Errorf("mail %x", p)
			}
			return n, string(p[2+size:]), nil
		}
		more, err := a.them.Mail()
		switch {
		case err != nil:
			return 0, "", err
		case time.Now().After(end):
			return 0, "", errors.New("it did not come")
		}
		for _, p := range more {
			a.log.add("<", "bus", string(p))
		}
		a.mail = more
	}
}

// tells sends pieces to the node that has the session.
func tells(pieces func(a *attacker) []string) step {
	return step{"tells", func(a *attacker) error { return a.post(a.home, pieces(a)...) }}
}

// isTold expects a piece of that kind, with what is found in it: see [answer].
func isTold(kind byte, patterns ...string) step {
	return step{fmt.Sprint("is told ", kind), func(a *attacker) error {
		_, rest, err := a.mailed(kind)
		for _, p := range patterns {
			if err == nil && !found(p, rest) {
				err = fmt.Errorf("%q in %.200q", p, rest)
			}
		}
		return err
	}}
}

// replies has the stranger a request that is brought to it over the wire "b", whose stream
// is the argument.
func replies(pieces func(stream uint64) []string) step {
	return step{"replies", func(a *attacker) error {
		stream, _, err := a.mailed(askRequest)
		if err != nil {
			return err
		}
		return a.post(a.node("b"), pieces(stream)...)
	}}
}
