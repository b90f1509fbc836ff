package msgpack

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/internal/notepack"
)

// A writer turns msgpack, which has passed the decoder, into JSON text, and notes
// the values that JSON has no word for.
type writer struct {
	text    []byte
	special []special // in the order of the text
}

// noBinary stands for binary, with the object that stands for an attachment in the
// JSON codec: types that read their own JSON find in both the same.
const noBinary = `{"_placeholder":true,"num":0}`

// value appends one value, for which the text ended at before in front of the
// comma or the colon.
func (w *writer) value(b []byte, before int) (rest []byte, err error) {
	i, rest, err := notepack.Next(b)
	if err != nil {
		return nil, err
	}
	switch i.Kind {
	case notepack.String:
		w.text, err = jsontext.AppendQuote(w.text, i.Data)
	case notepack.Binary:
		w.special = append(w.special, special{int64(before), i})
		w.text = append(w.text, noBinary...)
	case notepack.Array:
		return w.array(rest, i.Num)
	case notepack.Map:
		return w.object(rest, i.Num)
	default:
		if !i.IsFinite() {
			w.special = append(w.special, special{int64(before), i})
		}
		w.text = i.AppendJSON(w.text)
	}
	return rest, err
}

func (w *writer) array(b []byte, count uint64) (_ []byte, err error) {
	w.text = append(w.text, '[')
	for n := range count {
		before := len(w.text)
		if n > 0 {
			w.text = append(w.text, ',')
		}
		if b, err = w.value(b, before); err != nil {
			return nil, err
		}
	}
	w.text = append(w.text, ']')
	return b, nil
}

func (w *writer) object(b []byte, count uint64) (_ []byte, err error) {
	w.text = append(w.text, '{')
	for n := range count {
		if n > 0 {
			w.text = append(w.text, ',')
		}
		if b, err = w.value(b, len(w.text)); err != nil { // the key
			return nil, err
		}
		before := len(w.text)
		w.text = append(w.text, ':')
		if b, err = w.value(b, before); err != nil {
			return nil, err
		}
	}
	w.text = append(w.text, '}')
	return b, nil
}
