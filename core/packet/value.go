package packet

import (
	"bytes"
	"cmp"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// writeOptions let raw values pass that a client sent with duplicate names, and
// write maps in the order of their keys, so that equal packets are equal bytes.
var writeOptions = json.JoinOptions(jsontext.AllowDuplicateNames(true), json.Deterministic(true))

// An encoder writes the values of one packet. It is pooled because its hook
// remembers what it knows about types.
type encoder struct {
	out         bytes.Buffer // wraps the caller's buffer, so that nothing is copied
	hook        json.Options
	attachments [][]byte
	max         int // attachments allowed
}

func newEncoder() *encoder {
	e := new(encoder)
	e.hook = json.WithMarshalers(json.MarshalToFunc(e.marshal))
	return e
}

// reset makes the encoder ready for another packet and returns the attachments.
func (e *encoder) reset() [][]byte {
	attachments := e.attachments
	e.attachments, e.out = nil, bytes.Buffer{}
	encoders.Put(e)
	return attachments
}

// value appends one value. The cases in front are the JSON of the last one, only
// cheaper.
func (e *encoder) value(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return jsontext.AppendQuote(dst, v)
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case []byte:
		if v == nil {
			return append(dst, "null"...), nil
		}
		num, err := e.add(v)
		return appendPlaceholder(dst, num), err
	}
	e.out = *bytes.NewBuffer(dst)
	var err error
	budget := 1000
	if mayHoldBinary(v, &budget) {
		err = json.MarshalWrite(&e.out, v, writeOptions, e.hook)
	} else {
		err = json.MarshalWrite(&e.out, v, writeOptions)
	}
	return e.out.Bytes(), err
}

// marshal is asked about every value that is encoded, with a pointer to it. All
// but binary and the numbers of encoding/json it leaves to the default.
func (e *encoder) marshal(enc *jsontext.Encoder, from any) error {
	switch from := from.(type) {
	case *string, *bool, *int, *int64, *float64, *any, *map[string]any, *[]any:
		return errors.ErrUnsupported
	case *[]byte:
		return e.attach(enc, *from)
	case *stdjson.Number:
		return writeNumber(enc, *from)
	}
	v := reflect.ValueOf(from).Elem()
	if isBinary(v.Type()) && !implementsAny(v.Type(), marshalers) {
		return e.attach(enc, v.Bytes())
	}
	return errors.ErrUnsupported
}

// attach takes data as an attachment and writes what stands for it.
func (e *encoder) attach(enc *jsontext.Encoder, data []byte) error {
	if data == nil {
		return enc.WriteToken(jsontext.Null)
	}
	num, err := e.add(data)
	if err != nil {
		return err
	}
	return enc.WriteValue(appendPlaceholder(enc.AvailableBuffer(), num))
}

// add takes data as an attachment and returns its number.
func (e *encoder) add(data []byte) (num int, err error) {
	num = len(e.attachments)
	if num == e.max {
		return 0, fmt.Errorf("more than %d binary values: stock clients refuse them (see MaxAttachments)", e.max)
	}
	e.attachments = append(e.attachments, data)
	return num, nil
}

// writeNumber writes a number that is kept as text, "" being 0 as in
// encoding/json.
func writeNumber(enc *jsontext.Encoder, n stdjson.Number) error {
	if in, length := enc.StackIndex(enc.StackDepth()); in == jsontext.KindBeginObject && length%2 == 0 {
		return errors.ErrUnsupported // the key of a map
	}
	value := jsontext.Value(cmp.Or(n, "0"))
	if value.Kind() != jsontext.KindNumber {
		return fmt.Errorf("not a number: %q", n)
	}
	return enc.WriteValue(value)
}
