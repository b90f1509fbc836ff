package redis

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/kawat-go/kawat/core/backplane"
)

// An entry is what a stream has under one id. Its fields are parts of the server's
// answer.
type entry struct {
	id                          backplane.Offset
	from, namespace, kind, data []byte
	number                      []byte // Kawat's own: see numbering
}

var errReply = errors.New("redis: the server's answer is not understood")

// parseRead reads the answer to XREAD of one stream; nothing if there is none.
func parseRead(raw []byte) ([]entry, error) {
	r := reply{b: raw}
	if n := r.open('%', '*'); n != 1 {
		return nil, r.err
	}
	if raw[0] == '*' {
		r.open('*')
	}
	r.text() // the stream's name
	return r.entries()
}

// parseRange reads the answer to XRANGE or XREVRANGE.
func parseRange(raw []byte) ([]entry, error) {
	r := reply{b: raw}
	return r.entries()
}

// A reply is an answer in Redis' protocol, version 2 or 3. After an error there is
// nothing in it any more.
type reply struct {
	b   []byte
	err error
}

func (r *reply) entries() ([]entry, error) {
	n := r.open('*')
	if n <= 0 {
		return nil, r.err
	}
	entries := make([]entry, 0, min(n, len(r.b)/16+1))
	for range n {
		entries = append(entries, r.entry())
		if r.err != nil {
			return nil, r.err
		}
	}
	return entries, nil
}

func (r *reply) entry() (e entry) {
	r.open('*')
	var ok bool
	if e.id, ok = parseID(r.text()); !ok {
		r.err = errReply
	}
	for n := r.open('*', '%'); n > 0 && r.err == nil; n -= 2 {
		name, value := r.text(), r.text()
		switch string(name) {
		case fieldFrom:
			e.from = value
		case fieldNamespace:
			e.namespace = value
		case fieldKind:
			e.kind = value
		case fieldData:
			e.data = value
		case fieldNumber:
			e.number = value
		}
	}
	return e
}

// open reads the head of a list, or of a map, whose kind is one of those, and returns
// how many there are in it: of a map, names and values.
func (r *reply) open(kinds ...byte) int {
	kind, rest := r.line()
	if kind == '_' {
		return -1
	}
	n, err := strconv.Atoi(string(rest))
	if err != nil || bytes.IndexByte(kinds, kind) < 0 {
		r.fail()
		return -1
	}
	return n
}

// text reads a string.
func (r *reply) text() []byte {
	kind, rest := r.line()
	switch kind {
	case '+':
		return rest
	case '$':
	default:
		r.fail()
		return nil
	}
	n, err := strconv.Atoi(string(rest))
	if err != nil || n < 0 || n > len(r.b)-2 {
		r.fail()
		return nil
	}
	text := r.b[:n:n]
	r.b = r.b[n+2:]
	return text
}

func (r *reply) line() (kind byte, rest []byte) {
	line, after, ok := bytes.Cut(r.b, crlf)
	if !ok || len(line) == 0 {
		r.fail()
		return 0, nil
	}
	r.b = after
	return line[0], line[1:]
}

var crlf = []byte("\r\n")

func (r *reply) fail() {
	r.b = nil
	if r.err == nil {
		r.err = errReply
	}
}

// parseID reads an entry's id.
func parseID(text []byte) (id backplane.Offset, ok bool) {
	major, minor, _ := bytes.Cut(text, []byte("-"))
	id.Major, ok = parseNumber(major)
	if ok {
		id.Minor, ok = parseNumber(minor)
	}
	return id, ok
}

func parseNumber(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	for _, c := range text {
		digit := uint64(c - '0')
		if digit > 9 || n > (1<<64-1-digit)/10 {
			return 0, false
		}
		n = 10*n + digit
	}
	return n, true
}

// next returns the id that comes after another: exclusive ranges are not known to
// Redis before 6.2.
func next(id backplane.Offset) backplane.Offset {
	if id.Minor++; id.Minor == 0 {
		id.Major++
	}
	return id
}
