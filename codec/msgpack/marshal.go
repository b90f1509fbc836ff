package msgpack

import (
	"bytes"
	"cmp"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/internal/notepack"
)

// writeOptions are those of the JSON codec, so that a type means the same in both.
var writeOptions = json.JoinOptions(jsontext.AllowDuplicateNames(true), json.Deterministic(true))

// An encoder writes the values of one packet. Types with rules of their own (tags,
// methods) become JSON text first, in which a number stands for each value that
// JSON has no word for: one package knows the rules, and both codecs ask it.
type encoder struct {
	out     bytes.Buffer
	enc     jsontext.Encoder
	hook    json.Options
	special []special // in the order of the text
	unquote []byte
}

// A special is a value that JSON text has no word for. In text that is written, at
// is the end of what stands for it; in text that is read, where the value before
// it ends. So nothing that a user or a peer says can be mistaken for one.
type special struct {
	at   int64
	item notepack.Item
}

func newEncoder() *encoder {
	e := new(encoder)
	e.hook = json.JoinOptions(writeOptions, json.WithMarshalers(json.MarshalToFunc(e.instead)))
	return e
}

// keptText is how large a buffer may be to be kept.
const keptText = 64 << 10

// marshal appends a value by the rules of JSON.
func (e *encoder) marshal(dst []byte, v any) ([]byte, error) {
	e.out.Reset()
	e.special = e.special[:0]
	e.enc.Reset(&e.out, writeOptions)
	defer func() {
		clear(e.special[:cap(e.special)]) // they hold the user's memory
		if e.out.Cap() > keptText {
			e.out = bytes.Buffer{}
		}
	}()
	options := writeOptions
	if marked.holds(reflect.TypeOf(v)) {
		options = e.hook
	}
	if err := json.MarshalEncode(&e.enc, v, options); err != nil {
		return nil, err
	}
	r := reader{text: e.out.Bytes(), special: e.special, unquote: e.unquote[:0]}
	dst, err := r.value(dst)
	if e.unquote = r.unquote; cap(e.unquote) > keptText {
		e.unquote = nil
	}
	return dst, err
}

// instead is asked about every value that is encoded, with a pointer to it. What
// JSON has words for it leaves to the default.
func (e *encoder) instead(enc *jsontext.Encoder, from any) error {
	switch from := from.(type) {
	case *string, *bool, *int, *int64, *any, *map[string]any, *[]any:
		return errors.ErrUnsupported
	case *float64:
		return e.float(enc, *from)
	case *[]byte:
		return e.binary(enc, *from)
	case *time.Time:
		return e.time(enc, *from)
	case *stdjson.Number:
		return number(enc, *from)
	}
	v := reflect.ValueOf(from).Elem()
	switch t := v.Type(); {
	case isFloat(t) && !implementsAny(t, marshalers):
		return e.float(enc, v.Float())
	case isBinary(t) && !implementsAny(t, marshalers):
		return e.binary(enc, v.Bytes())
	}
	return errors.ErrUnsupported
}

func (e *encoder) float(enc *jsontext.Encoder, f float64) error {
	i := notepack.Item{Kind: notepack.Float, Num: math.Float64bits(f)}
	if i.IsFinite() {
		return errors.ErrUnsupported
	}
	return e.mark(enc, i)
}

func (e *encoder) binary(enc *jsontext.Encoder, data []byte) error {
	if data == nil {
		return enc.WriteToken(jsontext.Null)
	}
	return e.mark(enc, notepack.Item{Kind: notepack.Binary, Data: data})
}

func (e *encoder) time(enc *jsontext.Encoder, t time.Time) error {
	if y := t.Year(); y < 0 || y > 9999 {
		return errors.ErrUnsupported // which has the words for the error
	}
	return e.mark(enc, notepack.Item{Kind: notepack.Date, Num: uint64(t.UnixMilli())})
}

// mark writes what stands for an item. The keys of maps are left to JSON.
func (e *encoder) mark(enc *jsontext.Encoder, i notepack.Item) error {
	if isKey(enc.StackIndex(enc.StackDepth())) {
		return errors.ErrUnsupported
	}
	err := enc.WriteToken(jsontext.Int(0)) // which omitempty does not leave out
	at := enc.OutputOffset()
	if enc.StackDepth() == 0 {
		at-- // a line's end is put behind the whole
	}
	e.special = append(e.special, special{at, i})
	return err
}

func isKey(in jsontext.Kind, length int64) bool {
	return in == jsontext.KindBeginObject && length%2 == 0
}

// number writes a number that is kept as text, "" being 0 as in encoding/json.
func number(enc *jsontext.Encoder, n stdjson.Number) error {
	if isKey(enc.StackIndex(enc.StackDepth())) {
		return errors.ErrUnsupported
	}
	value := jsontext.Value(cmp.Or(n, "0"))
	if value.Kind() != jsontext.KindNumber {
		return fmt.Errorf("not a number: %q", n)
	}
	return enc.WriteValue(value)
}
