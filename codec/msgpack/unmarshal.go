package msgpack

import (
	"cmp"
	stdjson "encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/internal/notepack"
)

// readOptions are those of the JSON codec, so that a type means the same in both.
var readOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), json.MatchCaseInsensitiveNames(true))

// A binder decodes arguments by the rules of JSON. It is pooled because its hook
// remembers what it knows about types.
type binder struct {
	w    writer
	hook json.Options
}

var binders = sync.Pool{New: func() any {
	b := new(binder)
	b.hook = json.JoinOptions(readOptions, json.WithUnmarshalers(json.UnmarshalFromFunc(b.instead)))
	return b
}}

// unmarshal decodes a value by way of its JSON text.
func unmarshal(raw []byte, into any) error {
	b := binders.Get().(*binder)
	b.w = writer{text: b.w.text[:0], special: b.w.special[:0]}
	if _, err := b.w.value(raw, 0); err != nil {
		return err
	}
	options := readOptions
	if len(b.w.special) > 0 || into != nil && numbers.holds(reflect.TypeOf(into)) {
		options = b.hook
	}
	err := json.Unmarshal(b.w.text, into, options)
	clear(b.w.special[:cap(b.w.special)]) // they hold the packet's memory
	if cap(b.w.text) > keptText {
		b.w = writer{}
	}
	binders.Put(b) // but not after a panic of the user's code
	return err
}

// special returns what the next value of the text stands for.
func (b *binder) special(dec *jsontext.Decoder) (i notepack.Item, ok bool) {
	if len(b.w.special) == 0 {
		return i, false
	}
	n, ok := slices.BinarySearchFunc(b.w.special, dec.InputOffset(), func(s special, at int64) int {
		return cmp.Compare(s.at, at)
	})
	if ok {
		i = b.w.special[n].item
	}
	return i, ok
}

// instead is asked about every value that is decoded, with a pointer to where it
// goes. What JSON has words for it leaves to the default.
func (b *binder) instead(dec *jsontext.Decoder, into any) error {
	switch into := into.(type) {
	case *string, *bool, *int, *int64:
		return errors.ErrUnsupported
	case *stdjson.Number:
		return readNumber(dec, into)
	}
	v := reflect.ValueOf(into).Elem()
	if v.Kind() == reflect.Interface && v.NumMethod() == 0 && v.IsNil() {
		value, err := b.value(dec)
		if value != nil {
			v.Set(reflect.ValueOf(value))
		}
		return err
	}
	i, ok := b.special(dec)
	switch t := v.Type(); {
	case !ok:
	case i.Kind == notepack.Binary && isBinary(t) && !implementsAny(t, unmarshalers):
		v.SetBytes(i.Bytes())
		return dec.SkipValue()
	case i.Kind == notepack.Float && setFloat(v, i.Float()):
		return dec.SkipValue()
	}
	return errors.ErrUnsupported
}

// setFloat stores what is null in the text and no null, if v is a float or an any,
// or points to one.
func setFloat(v reflect.Value, f float64) bool {
	t := v.Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	isAny := t.Kind() == reflect.Interface && t.NumMethod() == 0
	if !isAny && !isFloat(t) || implementsAny(t, unmarshalers) {
		return false
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if isAny {
		v.Set(reflect.ValueOf(f))
	} else {
		v.SetFloat(f)
	}
	return true
}

// readNumber decodes a number as the text that it is, and leaves what else there may
// be to the default.
func readNumber(dec *jsontext.Decoder, into *stdjson.Number) error {
	if dec.PeekKind() != jsontext.KindNumber {
		return errors.ErrUnsupported
	}
	token, err := dec.ReadToken()
	if err == nil {
		*into = stdjson.Number(token.String())
	}
	return err
}

// value decodes whatever comes, as [valueOf] does.
func (b *binder) value(dec *jsontext.Decoder) (any, error) {
	if i, ok := b.special(dec); ok {
		if i.Kind == notepack.Float {
			return i.Float(), dec.SkipValue()
		}
		return i.Bytes(), dec.SkipValue()
	}
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindBeginObject:
		return b.object(dec)
	case jsontext.KindBeginArray:
		return b.array(dec)
	case jsontext.KindNull:
		return nil, nil
	case jsontext.KindString:
		return token.String(), nil
	case jsontext.KindNumber:
		return token.Float()
	}
	return token.Bool(), nil
}

func (b *binder) object(dec *jsontext.Decoder) (any, error) {
	object := make(map[string]any)
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		if object[key], err = b.value(dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.ReadToken()
	return object, err
}

func (b *binder) array(dec *jsontext.Decoder) (any, error) {
	array := []any{}
	for dec.PeekKind() != jsontext.KindEndArray {
		v, err := b.value(dec)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := dec.ReadToken()
	return array, err
}
