package packet

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readOptions are for text that a scanner has accepted. The only invalid UTF-8 in
// it are escapes of lone surrogates, which become U+FFFD. Duplicate names stay
// refused: what comes out would depend on the Go type, and no client sends them.
// Names match whatever their case if none matches exactly, as in encoding/json: a
// field Text without a tag is what a client calls text.
var readOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), json.MatchCaseInsensitiveNames(true))

// bindJSON is the [BindFunc] of [JSONCodec].
func bindJSON(raw []byte, attachments [][]byte, into any) error {
	if bindPlain(raw, attachments, into) {
		return nil
	}
	if len(attachments) == 0 && (into == nil || !numbers.holds(reflect.TypeOf(into))) {
		return json.Unmarshal(raw, into, readOptions)
	}
	b := binders.Get().(*binder)
	b.attachments = attachments
	err := json.Unmarshal(raw, into, readOptions, b.hook)
	b.attachments = nil
	binders.Put(b)
	return err
}

// bindPlain decodes what needs no decoder: a string without escapes, and an
// argument that is an attachment. It costs a tenth of what a decoder does. It
// reports false for everything else.
func bindPlain(raw []byte, attachments [][]byte, into any) bool {
	switch into := into.(type) {
	case *string:
		if plain(raw) {
			*into = string(raw[1 : len(raw)-1])
			return true
		}
	case *any:
		if *into == nil && plain(raw) {
			*into = string(raw[1 : len(raw)-1])
			return true
		}
	case *[]byte:
		if num, end := readPlaceholder(raw); end == len(raw) && num < len(attachments) {
			*into, _ = placeholder{Num: num}.of(attachments)
			return true
		}
	}
	return false
}

// plain reports whether a value is a string without escapes.
func plain(raw []byte) bool {
	return len(raw) >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0
}

// A binder decodes arguments that refer to attachments, and the numbers of
// encoding/json, which json does not know before Go 1.27. It is pooled because its
// hook remembers what it knows about types.
type binder struct {
	attachments [][]byte
	hook        json.Options
}

var binders = sync.Pool{New: func() any {
	b := new(binder)
	b.hook = json.WithUnmarshalers(json.UnmarshalFromFunc(b.unmarshal))
	return b
}}

// unmarshal is asked about every value that is decoded, with a pointer to where
// it goes. What cannot hold binary it leaves to the default.
func (b *binder) unmarshal(dec *jsontext.Decoder, into any) error {
	switch into := into.(type) {
	case *string, *bool, *int, *int64, *float64:
		return errors.ErrUnsupported
	case *[]byte:
		return b.bytes(dec, func(data []byte) { *into = data })
	case *stdjson.Number:
		return readNumber(dec, into)
	}
	v := reflect.ValueOf(into).Elem()
	switch {
	case isBinary(v.Type()) && !implementsAny(v.Type(), unmarshalers):
		return b.bytes(dec, v.SetBytes)
	case v.Kind() == reflect.Interface && v.NumMethod() == 0 && v.IsNil():
		value, err := b.value(dec)
		if value != nil {
			v.Set(reflect.ValueOf(value))
		}
		return err
	}
	return errors.ErrUnsupported
}

// bytes decodes a placeholder and leaves what else there may be, such as null or
// base64, to the default.
func (b *binder) bytes(dec *jsontext.Decoder, set func([]byte)) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errors.ErrUnsupported
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	var p placeholder
	if err := json.Unmarshal(raw, &p, readOptions); err != nil {
		return err
	}
	if !p.Mark {
		return errors.New("cannot unmarshal an object that is no attachment")
	}
	data, err := p.of(b.attachments)
	set(data)
	return err
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

// value decodes whatever comes, as json.Unmarshal does into an any, with
// attachments as []byte.
func (b *binder) value(dec *jsontext.Decoder) (any, error) {
	switch dec.PeekKind() {
	case jsontext.KindBeginObject:
		return b.object(dec)
	case jsontext.KindBeginArray:
		return b.array(dec)
	}
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
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
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
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
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	if len(b.attachments) == 0 || object[placeholderMark] != true {
		return object, nil
	}
	num, _ := object[placeholderNum].(float64)
	return placeholder{Num: int(num)}.of(b.attachments)
}

func (b *binder) array(dec *jsontext.Decoder) (any, error) {
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
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
