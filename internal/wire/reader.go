package wire

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/notepack"
)

// A Reader reads one value, as JSON if it begins with a brace, else as MessagePack.
// What is not of the kind that is asked for is an error; the first one stays, and
// nothing is found after it.
//
// What it returns may be a part of what it reads, which must not be changed any more.
type Reader struct {
	b       []byte // what is left; JSON has been checked, and has no spaces
	msgpack bool
	limits  Limits
	depth   int // how deeply the value that comes next may be nested
	err     error
}

// NewReader makes a Reader.
func NewReader(b []byte, l Limits) Reader {
	r := Reader{b: b, limits: l.orDefault()}
	r.depth = r.limits.Depth
	switch {
	case len(b) > r.limits.Bytes:
		r.fail(ErrTooLarge)
	case len(b) == 0:
		r.fail(ErrMalformed)
	case b[0] == '{':
		r.checkJSON()
	default:
		r.msgpack = true
	}
	return r
}

// jsonOptions take what JSON.parse takes; that a text is UTF-8 is checked before.
var jsonOptions = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

func (r *Reader) checkJSON() {
	depth, spaces := survey(r.b)
	switch {
	case depth > r.depth:
		r.fail(ErrTooLarge)
	case !utf8.Valid(r.b), !jsontext.Value(r.b).IsValid(jsonOptions...):
		r.fail(ErrMalformed)
	case spaces:
		compact := jsontext.Value(bytes.Clone(r.b))
		if err := compact.Compact(jsonOptions...); err != nil {
			r.fail(ErrMalformed)
		}
		r.b = compact
	}
}

// survey returns how deeply a JSON text is nested, and whether there is space
// between its tokens.
func survey(text []byte) (depth int, spaces bool) {
	now := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			now++
			depth = max(depth, now)
		case '}', ']':
			now--
		case ' ', '\t', '\n', '\r':
			spaces = true
		case '"':
			raw, _ := quoted(text[i:])
			if raw == nil {
				return depth, spaces // it is no JSON
			}
			i += len(raw) - 1
		}
	}
	return depth, spaces
}

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// End returns the first error. It is one if something is left.
func (r *Reader) End() error {
	if len(r.b) > 0 {
		r.fail(ErrMalformed)
	}
	return r.err
}

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// spend counts items.
func (r *Reader) spend(items int) {
	if r.limits.Items -= items; r.limits.Items < 0 {
		r.fail(ErrTooLarge)
	}
}

// at returns the first byte of JSON that is left, 0 at the end.
func (r *Reader) at() byte {
	if len(r.b) > 0 {
		return r.b[0]
	}
	return 0
}

// item reads an item of MessagePack, which must be of a kind.
func (r *Reader) item(k notepack.Kind) notepack.Item {
	i, rest, err := notepack.Next(r.b)
	if r.err != nil || err != nil || i.Kind != k {
		r.fail(ErrMalformed)
		return notepack.Item{}
	}
	r.b = rest
	return i
}

// Members are those of an object that is being read, or the elements of an array.
type Members struct{ left uint64 }

// Object begins to read an object:
//
//	for m := r.Object(); r.Next(&m); {
//		switch string(r.Key()) {
//		case "name":
//			name = r.String()
//		default:
//			r.Skip()
//		}
//	}
func (r *Reader) Object() Members { return r.open('{', notepack.Map) }

// Array begins to read an array.
func (r *Reader) Array() Members { return r.open('[', notepack.Array) }

func (r *Reader) open(c byte, k notepack.Kind) (m Members) {
	if r.depth--; r.depth < 0 {
		r.fail(ErrTooLarge)
		return m
	}
	if r.msgpack {
		m.left = r.item(k).Num
		return m
	}
	if r.at() != c {
		r.fail(ErrMalformed)
		return m
	}
	r.b = r.b[1:]
	return m
}

// Next reports whether there is another member, or element, which is to be read.
func (r *Reader) Next(m *Members) bool {
	if r.msgpack {
		if m.left == 0 || r.err != nil {
			r.depth++
			return false
		}
		m.left--
		return true
	}
	switch r.at() {
	case ',':
		r.b = r.b[1:]
	case ']', '}':
		r.b = r.b[1:]
		r.depth++
		return false
	}
	return r.err == nil
}

// Key reads the name of a member. It is valid until the next call.
func (r *Reader) Key() []byte {
	if r.msgpack {
		return r.item(notepack.String).Data
	}
	raw, escaped := quoted(r.b)
	if len(raw) == 0 {
		r.fail(ErrMalformed)
		return nil
	}
	r.b = r.b[len(raw)+1:] // the colon, too
	if escaped {
		name, _ := jsontext.AppendUnquote(nil, raw)
		return name
	}
	return raw[1 : len(raw)-1]
}

// Null reports whether the value that comes next is null, or undefined, and then
// reads it.
func (r *Reader) Null() bool {
	if r.err != nil {
		return false
	}
	if !r.msgpack {
		if r.at() == 'n' {
			r.b = r.b[len("null"):]
			return true
		}
		return false
	}
	i, rest, err := notepack.Next(r.b)
	if err == nil && i.Kind <= notepack.Undefined {
		r.b = rest
		return true
	}
	return false
}

// Skip reads a value and forgets it.
func (r *Reader) Skip() { _ = r.raw() }

// raw reads a value as it is. That of MessagePack is only checked for its form.
func (r *Reader) raw() []byte {
	if r.err != nil {
		return nil
	}
	var n int
	if r.msgpack {
		rest, err := skip(r.b, r.depth)
		if err != nil {
			r.fail(err)
			return nil
		}
		n = len(r.b) - len(rest)
	} else {
		n = valueLength(r.b)
	}
	raw := r.b[:n:n]
	r.b = r.b[n:]
	return raw
}

// valueLength returns the length of the JSON value that a valid text goes on with.
func valueLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			raw, _ := quoted(text[i:])
			i += max(len(raw)-1, 0)
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + depth // -1 if it ends what the value is in
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// String reads a string. One that is not UTF-8, such as half an emoji, is an error:
// as a name it would be taken for another.
func (r *Reader) String() string {
	if r.msgpack {
		s := r.item(notepack.String).Data
		if !utf8.Valid(s) {
			r.fail(ErrMalformed)
			return ""
		}
		return string(s)
	}
	raw, escaped := quoted(r.b)
	if len(raw) == 0 {
		r.fail(ErrMalformed)
		return ""
	}
	r.b = r.b[len(raw):]
	if !escaped {
		return string(raw[1 : len(raw)-1])
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		r.fail(ErrMalformed)
		return ""
	}
	return string(s)
}

// Names reads an array of strings. Null is as good as an empty one.
func (r *Reader) Names() (names []string) {
	if r.Null() {
		return nil
	}
	for m := r.Array(); r.Next(&m); {
		r.spend(1)
		names = append(names, r.String())
	}
	return names
}

// Number reads a number.
func (r *Reader) Number() float64 {
	if r.msgpack {
		i, rest, err := notepack.Next(r.b)
		if r.err != nil || err != nil || i.Kind != notepack.Int && i.Kind != notepack.Uint && i.Kind != notepack.Float {
			r.fail(ErrMalformed)
			return 0
		}
		r.b = rest
		return i.Float()
	}
	raw := r.raw()
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		r.fail(ErrMalformed)
		return 0
	}
	f, _ := strconv.ParseFloat(string(raw), 64) // one that does not fit is infinite
	return f
}

// Int reads a number that is an integer, and can be told from its neighbours.
func (r *Reader) Int() int64 {
	f := r.Number()
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		r.fail(ErrMalformed)
		return 0
	}
	return int64(f)
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.msgpack {
		return r.item(notepack.Bool).Num == 1
	}
	switch string(r.raw()) {
	case "true":
		return true
	case "false":
	default:
		r.fail(ErrMalformed)
	}
	return false
}

// Value reads a value of whatever kind.
func (r *Reader) Value() (d backplane.Data) {
	if !r.msgpack {
		return backplane.Data{JSON: r.raw()}
	}
	if r.err != nil {
		return d
	}
	d, rest, left, err := readValue(r.b, r.limits, r.depth, r.limits.Items)
	if err != nil {
		r.fail(err)
		return backplane.Data{}
	}
	r.b, r.limits.Items = rest, left
	return d
}
