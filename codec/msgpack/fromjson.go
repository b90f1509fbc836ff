package msgpack

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/kawat-go/kawat/internal/notepack"
)

// A reader turns JSON text into msgpack: valid text without spaces, as an encoder
// writes it, with the specials that it marked.
type reader struct {
	text    []byte
	pos     int
	special []special
	unquote []byte
}

// value appends the value at the position.
func (r *reader) value(dst []byte) ([]byte, error) {
	switch c := r.text[r.pos]; c {
	case '{', '[':
		return r.container(dst, c)
	case '"':
		return msgp.AppendStringFromBytes(dst, r.string()), nil
	case 'n':
		r.pos += len("null")
		return msgp.AppendNil(dst), nil
	case 't':
		r.pos += len("true")
		return msgp.AppendBool(dst, true), nil
	case 'f':
		r.pos += len("false")
		return msgp.AppendBool(dst, false), nil
	}
	text := r.number()
	if len(r.special) > 0 && r.special[0].at == int64(r.pos) {
		i := r.special[0].item
		r.special = r.special[1:]
		return appendSpecial(dst, i), nil
	}
	dst, err := notepack.AppendNumber(dst, text)
	if err != nil {
		return nil, fmt.Errorf("the number %s does not fit", text)
	}
	return dst, nil
}

// container appends an object or an array, whose length is known at its end only.
func (r *reader) container(dst []byte, open byte) (_ []byte, err error) {
	start, count, end := len(dst), 0, open+2 // in ASCII, for both
	dst = append(dst, 0)
	for r.pos++; r.text[r.pos] != end; count++ {
		if r.text[r.pos] == ',' {
			r.pos++
		}
		if open == '{' {
			dst = msgp.AppendStringFromBytes(dst, r.string())
			r.pos++ // the colon
		}
		if dst, err = r.value(dst); err != nil {
			return nil, err
		}
	}
	r.pos++
	var few [5]byte
	head := msgp.AppendArrayHeader(few[:0], uint32(count))
	if open == '{' {
		head = msgp.AppendMapHeader(few[:0], uint32(count))
	}
	if more := len(head) - 1; more > 0 { // the place of one byte was held
		dst = append(dst, few[:more]...)
		copy(dst[start+len(head):], dst[start+1:])
	}
	copy(dst[start:], head)
	return dst, nil
}

// string returns the value of the string at the position. It is valid until the
// next one is asked for.
func (r *reader) string() []byte {
	start, escaped := r.pos+1, false
	for r.pos = start; r.text[r.pos] != '"'; r.pos++ {
		if r.text[r.pos] == '\\' {
			escaped = true
			r.pos++
		}
	}
	r.pos++
	if !escaped {
		return r.text[start : r.pos-1]
	}
	r.unquote, _ = jsontext.AppendUnquote(r.unquote[:0], r.text[start-1:r.pos]) // it is valid
	return r.unquote
}

// number returns the text of the number at the position.
func (r *reader) number() []byte {
	start := r.pos
	for r.pos < len(r.text) && bytes.IndexByte([]byte("+-.0123456789Ee"), r.text[r.pos]) >= 0 {
		r.pos++
	}
	return r.text[start:r.pos]
}

func appendSpecial(dst []byte, i notepack.Item) []byte {
	switch i.Kind {
	case notepack.Binary:
		return msgp.AppendBytes(dst, i.Data)
	case notepack.Date:
		return notepack.AppendDate(dst, int64(i.Num))
	}
	return msgp.AppendFloat64(dst, i.Float())
}
