package wire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/notepack"
)

// A Writer appends values, as JSON or as MessagePack. The first error stays, and
// comes out at the end.
type Writer struct {
	dst     []byte
	start   int
	msgpack bool
	err     error
}

// NewWriter makes a Writer that appends to dst.
func NewWriter(dst []byte, msgpack bool) Writer {
	return Writer{dst: dst, start: len(dst), msgpack: msgpack}
}

// Bytes returns dst with what was written appended, or the first error, with dst as
// it was.
func (w *Writer) Bytes() ([]byte, error) {
	if w.err != nil {
		return w.dst[:w.start], w.err
	}
	return w.dst, nil
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// sep appends the comma between two values of JSON.
func (w *Writer) sep() {
	if len(w.dst) == w.start || w.msgpack {
		return
	}
	switch w.dst[len(w.dst)-1] {
	case '{', '[', ':':
	default:
		w.dst = append(w.dst, ',')
	}
}

// Object begins an object of so many members, which EndObject ends.
func (w *Writer) Object(members int) {
	if w.msgpack {
		w.dst = msgp.AppendMapHeader(w.dst, uint32(members))
		return
	}
	w.sep()
	w.dst = append(w.dst, '{')
}

// EndObject ends an object.
func (w *Writer) EndObject() { w.end('}') }

// Array begins an array of so many elements, which EndArray ends.
func (w *Writer) Array(elements int) {
	if w.msgpack {
		w.dst = msgp.AppendArrayHeader(w.dst, uint32(elements))
		return
	}
	w.sep()
	w.dst = append(w.dst, '[')
}

// EndArray ends an array.
func (w *Writer) EndArray() { w.end(']') }

func (w *Writer) end(c byte) {
	if !w.msgpack {
		w.dst = append(w.dst, c)
	}
}

// Key writes the name of a member, whose value comes next. It is plain ASCII.
func (w *Writer) Key(name string) {
	if w.msgpack {
		w.dst = msgp.AppendString(w.dst, name)
		return
	}
	w.sep()
	w.dst = append(append(append(w.dst, '"'), name...), '"', ':')
}

// String writes a string. It is an error if that is not UTF-8, for then the other
// side would read another one.
func (w *Writer) String(s string) {
	switch {
	case !utf8.ValidString(s):
		w.fail(fmt.Errorf("wire: the name %.40q is not UTF-8", s))
	case w.msgpack:
		w.dst = msgp.AppendString(w.dst, s)
	default:
		w.sep()
		w.dst, _ = jsontext.AppendQuote(w.dst, s)
	}
}

// Int writes an integer.
func (w *Writer) Int(n int64) {
	if w.msgpack {
		w.dst = notepack.AppendInt(w.dst, n)
		return
	}
	w.sep()
	w.dst = strconv.AppendInt(w.dst, n, 10)
}

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	if w.msgpack {
		w.dst = msgp.AppendBool(w.dst, v)
		return
	}
	w.sep()
	w.dst = strconv.AppendBool(w.dst, v)
}

// Names writes an array of strings, an empty one if there are none.
func (w *Writer) Names(names []string) {
	w.Array(len(names))
	for _, name := range names {
		w.String(name)
	}
	w.EndArray()
}

var errBinary = errors.New("wire: there is binary in the message, which JSON cannot hold")

// Value writes a value, or null if there is none.
func (w *Writer) Value(d backplane.Data) {
	switch {
	case w.msgpack:
		var err error
		if w.dst, err = AppendValue(w.dst, d); err != nil {
			w.fail(err)
		}
	case len(d.Attachments) > 0:
		w.fail(errBinary)
	case d.JSON == nil:
		w.sep()
		w.dst = append(w.dst, "null"...)
	default:
		w.sep()
		w.dst = append(w.dst, d.JSON...)
	}
}

// object writes a value that is an object, an empty one if there is none.
func (w *Writer) object(d backplane.Data) {
	if d.JSON == nil {
		d.JSON = []byte("{}")
	}
	w.Value(d)
}

// Options writes what a message aims at: rooms, except and, if asked for, flags.
func (w *Writer) Options(o backplane.Options, flags bool) {
	members := 2
	if flags {
		members++
	}
	w.Object(members)
	w.Key("rooms")
	w.Names(o.Rooms)
	w.Key("except")
	w.Names(o.Except)
	if flags {
		w.Key("flags")
		w.Flags(o.Flags)
	}
	w.EndObject()
}

// Flags writes the flags that are set.
func (w *Writer) Flags(f backplane.Flags) {
	members := 0
	for _, set := range []bool{f.Volatile, f.Compress != nil, f.Timeout > 0, f.ExpectSingleResponse, f.Broadcast} {
		if set {
			members++
		}
	}
	w.Object(members)
	if f.Volatile {
		w.Key("volatile")
		w.Bool(true)
	}
	if f.Compress != nil {
		w.Key("compress")
		w.Bool(*f.Compress)
	}
	if f.Timeout > 0 {
		w.Key("timeout")
		w.Int(max(1, f.Timeout.Milliseconds()))
	}
	if f.ExpectSingleResponse {
		w.Key("expectSingleResponse")
		w.Bool(true)
	}
	if f.Broadcast {
		w.Key("broadcast")
		w.Bool(true)
	}
	w.EndObject()
}

// Sockets writes an array of sockets.
func (w *Writer) Sockets(sockets []backplane.Socket) {
	w.Array(len(sockets))
	for i := range sockets {
		s := &sockets[i]
		w.Object(4)
		w.Key("id")
		w.String(s.ID)
		w.Key("handshake")
		w.handshake(&s.Handshake)
		w.Key("rooms")
		w.Names(s.Rooms)
		w.Key("data")
		w.object(s.Data)
		w.EndObject()
	}
	w.EndArray()
}

func (w *Writer) handshake(h *backplane.Handshake) {
	w.Object(9)
	w.Key("headers")
	w.texts(h.Headers)
	w.Key("time")
	w.text(h.Time)
	w.Key("address")
	w.text(h.Address)
	w.Key("xdomain")
	w.Bool(h.XDomain)
	w.Key("secure")
	w.Bool(h.Secure)
	w.Key("issued")
	w.Int(h.Issued)
	w.Key("url")
	w.text(h.URL)
	w.Key("query")
	w.texts(h.Query)
	w.Key("auth")
	w.object(h.Auth)
	w.EndObject()
}

// text writes what a client has said, which need not be UTF-8.
func (w *Writer) text(s string) { w.String(validText(s)) }

// validText returns a text with what is not UTF-8 replaced.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// texts writes an object of texts, in the order of their names.
func (w *Writer) texts(texts map[string]string) {
	var few [16]string
	names := few[:0]
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	w.Object(len(names))
	for _, name := range names {
		w.text(name)
		w.end(':')
		w.text(texts[name])
	}
	w.EndObject()
}
