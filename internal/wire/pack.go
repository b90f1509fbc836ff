package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/notepack"
)

// AppendValue appends a value in MessagePack: integers as short as can be, other
// numbers with 64 bits, attachments as binary, the members of objects in their order.
// No value at all is nil.
func AppendValue(dst []byte, d backplane.Data) ([]byte, error) {
	if d.JSON == nil {
		return msgp.AppendNil(dst), nil
	}
	p := packer{text: d.JSON, attachments: d.Attachments}
	dst, err := p.value(dst)
	if err == nil && p.pos != len(p.text) {
		err = errText
	}
	return dst, err
}

var errText = errors.New("wire: the value is no compact JSON text")

// A packer turns JSON text without spaces, and attachments, into MessagePack.
type packer struct {
	text        []byte
	pos         int
	attachments [][]byte
	unquote     []byte
	depth       int
}

// at returns the byte at the position, 0 at the end.
func (p *packer) at() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// value appends the value at the position.
func (p *packer) value(dst []byte) ([]byte, error) {
	switch c := p.at(); c {
	case '{':
		if data, ok, err := p.attachment(); ok || err != nil {
			return msgp.AppendBytes(dst, data), err
		}
		return p.container(dst, c)
	case '[':
		return p.container(dst, c)
	case '"':
		s, err := p.string()
		return msgp.AppendStringFromBytes(dst, s), err
	case 'n':
		return msgp.AppendNil(dst), p.literal("null")
	case 't':
		return msgp.AppendBool(dst, true), p.literal("true")
	case 'f':
		return msgp.AppendBool(dst, false), p.literal("false")
	}
	start := p.pos
	for p.pos < len(p.text) && bytes.IndexByte([]byte("+-.0123456789Ee"), p.text[p.pos]) >= 0 {
		p.pos++
	}
	dst, err := notepack.AppendNumber(dst, p.text[start:p.pos])
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return dst, errText
	}
	return dst, nil
}

func (p *packer) literal(text string) error {
	if !bytes.HasPrefix(p.text[p.pos:], []byte(text)) {
		return errText
	}
	p.pos += len(text)
	return nil
}

// attachment returns what the object at the position stands for, if it does. Without
// attachments an object is what it looks like.
func (p *packer) attachment() (data []byte, ok bool, err error) {
	const start = `{"` + placeholderMark + `":true,"num":`
	if len(p.attachments) == 0 || !bytes.HasPrefix(p.text[p.pos:], []byte(start)) {
		return nil, false, nil
	}
	digits, _, found := bytes.Cut(p.text[p.pos+len(start):], []byte("}"))
	num, err := strconv.Atoi(string(digits))
	if err != nil || !found || num < 0 || num >= len(p.attachments) {
		return nil, false, fmt.Errorf("wire: there is no attachment %.20q", digits)
	}
	p.pos += len(start) + len(digits) + 1
	return p.attachments[num], true, nil
}

// manyLevels is from where on heads are as long as can be: what is in a container would
// be moved once for each level otherwise.
const manyLevels = 64

// container appends an object or an array, whose length is known at its end only.
func (p *packer) container(dst []byte, open byte) (_ []byte, err error) {
	start, count, end := len(dst), 0, open+2 // in ASCII, for both
	room := 1
	if p.depth++; p.depth > manyLevels {
		room = 5
	}
	dst = append(dst, make([]byte, room)...)
	for p.pos++; p.at() != end; count++ {
		if count > 0 {
			if p.at() != ',' {
				return dst, errText
			}
			p.pos++
		}
		if open == '{' {
			name, err := p.string()
			if err != nil || p.at() != ':' {
				return dst, errText
			}
			dst = msgp.AppendStringFromBytes(dst, name)
			p.pos++
		}
		if dst, err = p.value(dst); err != nil {
			return dst, err
		}
	}
	p.pos++
	p.depth--
	var few [5]byte
	head := appendHead(few[:0], open, count, room == 5)
	if more := len(head) - room; more > 0 { // the place of one byte was held
		dst = append(dst, few[:more]...)
		copy(dst[start+len(head):], dst[start+1:])
	}
	copy(dst[start:], head)
	return dst, nil
}

// appendHead appends the head of an object or an array.
func appendHead(dst []byte, open byte, count int, long bool) []byte {
	switch {
	case long && open == '{':
		return binary.BigEndian.AppendUint32(append(dst, 0xdf), uint32(count))
	case long:
		return binary.BigEndian.AppendUint32(append(dst, 0xdd), uint32(count))
	case open == '{':
		return msgp.AppendMapHeader(dst, uint32(count))
	}
	return msgp.AppendArrayHeader(dst, uint32(count))
}

// string returns the value of the string at the position. It is valid until the
// next one is asked for.
func (p *packer) string() ([]byte, error) {
	raw, escaped := quoted(p.text[p.pos:])
	if raw == nil {
		return nil, errText
	}
	p.pos += len(raw)
	if !escaped {
		return raw[1 : len(raw)-1], nil
	}
	p.unquote, _ = jsontext.AppendUnquote(p.unquote[:0], raw) // half an emoji is replaced
	return p.unquote, nil
}

// quoted returns the string that text begins with, quotes included, and whether
// there are escapes in it. It returns nil if text does not begin with one.
func quoted(text []byte) (raw []byte, escaped bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return text[:i+1], escaped
		case '\\':
			escaped = true
			i++
		}
	}
	return nil, false
}
