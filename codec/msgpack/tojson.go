package msgpack

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
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
	i, rest, err := next(b)
	if err != nil {
		return nil, err
	}
	switch i.kind {
	case nilKind, undefinedKind:
		w.text = append(w.text, "null"...)
	case boolKind:
		w.text = strconv.AppendBool(w.text, i.num == 1)
	case intKind:
		w.text = strconv.AppendInt(w.text, int64(i.num), 10)
	case uintKind:
		w.text = strconv.AppendUint(w.text, i.num, 10)
	case floatKind:
		w.float(i, before)
	case stringKind:
		w.text, err = jsontext.AppendQuote(w.text, i.data)
	case binaryKind:
		w.special = append(w.special, special{int64(before), i})
		w.text = append(w.text, noBinary...)
	case dateKind:
		w.text = append(appendISO(append(w.text, '"'), i), '"')
	case arrayKind:
		return w.array(rest, i.num)
	case mapKind:
		return w.object(rest, i.num)
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

// float appends a float the way JavaScript writes it, so that one without a
// fraction goes into an integer.
func (w *writer) float(i item, before int) {
	if !i.finite() {
		w.special = append(w.special, special{int64(before), i})
		w.text = append(w.text, "null"...)
		return
	}
	format := byte('f')
	if abs := math.Abs(i.float()); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	w.text = strconv.AppendFloat(w.text, i.float(), format, -1, 64)
}

// appendISO appends a date as JavaScript's toJSON writes it.
func appendISO(dst []byte, i item) []byte {
	t := time.UnixMilli(int64(i.num)).UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return t.AppendFormat(fmt.Appendf(dst, "%+07d", y), "-01-02T15:04:05.000Z")
	}
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}
