package wire

import (
	"bytes"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/notepack"
)

// ReadValue reads one value in MessagePack, and returns what is behind it. Binary
// becomes attachments, which are parts of b; dates become their ISO text; what is
// undefined, or a number that JSON has no word for, becomes null.
func ReadValue(b []byte, l Limits) (d backplane.Data, rest []byte, err error) {
	l = l.orDefault()
	if len(b) > l.Bytes {
		return d, nil, ErrTooLarge
	}
	d, rest, _, err = readValue(b, l, l.Depth, l.Items)
	return d, rest, err
}

// readValue is ReadValue for a value that may be nested so deep, with so many items
// to spend. It returns how many are left.
func readValue(b []byte, l Limits, depth, items int) (d backplane.Data, rest []byte, left int, err error) {
	scratch := scratches.Get().(*[]byte)
	t := transcoder{text: (*scratch)[:0], max: l.Bytes, items: items}
	if rest, err = t.value(b, depth); err == nil && t.marked && len(t.attachments) > 0 {
		err = ErrMalformed // an object that would be taken for an attachment
	}
	if err == nil {
		d = backplane.Data{JSON: bytes.Clone(t.text), Attachments: t.attachments}
	}
	if *scratch = t.text; cap(t.text) <= keptScratch {
		scratches.Put(scratch)
	}
	return d, rest, t.items, err
}

// keptScratch is how large a buffer may be to be kept.
const keptScratch = 64 << 10

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// In JSON text, an object with this member that is true stands for an attachment.
const placeholderMark = "_placeholder"

// A transcoder turns MessagePack into JSON text and attachments.
type transcoder struct {
	text        []byte
	attachments [][]byte
	max, items  int
	marked      bool // an object looks as if it stood for an attachment
}

// value appends one value.
func (t *transcoder) value(b []byte, depth int) (rest []byte, err error) {
	i, rest, err := notepack.Next(b)
	if err != nil {
		return nil, ErrMalformed
	}
	if len(t.text) >= t.max {
		return nil, ErrTooLarge
	}
	switch i.Kind {
	case notepack.String:
		return rest, t.string(i.Data)
	case notepack.Binary:
		return rest, t.attach(i.Bytes())
	case notepack.Array, notepack.Map:
		if depth < 1 {
			return nil, ErrTooLarge
		}
		return t.container(i, rest, depth-1)
	}
	t.text = i.AppendJSON(t.text)
	return rest, nil
}

// string appends a string. What is no UTF-8, such as half an emoji, is replaced.
func (t *transcoder) string(s []byte) error {
	size := len(s)
	if size > keptScratch { // a short one cannot become very long
		for _, c := range s {
			if c < ' ' {
				size += len(`\u0000`) - 1
			}
		}
	}
	if size > t.max-len(t.text) {
		return ErrTooLarge
	}
	t.text, _ = jsontext.AppendQuote(t.text, s)
	return nil
}

// attach takes data as an attachment.
func (t *transcoder) attach(data []byte) error {
	if t.items--; t.items < 0 {
		return ErrTooLarge
	}
	t.text = appendPlaceholder(t.text, len(t.attachments))
	t.attachments = append(t.attachments, data)
	return nil
}

func (t *transcoder) container(i notepack.Item, b []byte, depth int) (_ []byte, err error) {
	open, end := byte('['), byte(']')
	if i.Kind == notepack.Map {
		open, end = '{', '}'
	}
	t.text = append(t.text, open)
	for n := range i.Num {
		if n > 0 {
			t.text = append(t.text, ',')
		}
		mark := false
		if open == '{' {
			var key notepack.Item
			if key, b, err = notepack.Next(b); err != nil || key.Kind != notepack.String {
				return nil, ErrMalformed
			}
			if err := t.string(key.Data); err != nil {
				return nil, err
			}
			t.text = append(t.text, ':')
			mark = string(key.Data) == placeholderMark
		}
		start := len(t.text)
		if b, err = t.value(b, depth); err != nil {
			return nil, err
		}
		t.marked = t.marked || mark && string(t.text[start:]) == "true"
	}
	t.text = append(t.text, end)
	return b, nil
}

// appendPlaceholder appends what stands for an attachment.
func appendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, `{"`+placeholderMark+`":true,"num":`...)
	return append(strconv.AppendInt(dst, int64(num), 10), '}')
}

// skip checks one value in MessagePack, nested at most so deep, and returns what is
// behind it.
func skip(b []byte, depth int) (rest []byte, err error) {
	i, rest, err := notepack.Next(b)
	switch {
	case err != nil:
		return nil, ErrMalformed
	case i.Kind < notepack.Array:
		return rest, nil
	}
	if depth < 1 {
		return nil, ErrTooLarge
	}
	for range i.Num {
		if i.Kind == notepack.Map {
			if rest, err = skip(rest, 0); err != nil { // the key
				return nil, err
			}
		}
		if rest, err = skip(rest, depth-1); err != nil {
			return nil, err
		}
	}
	return rest, nil
}
