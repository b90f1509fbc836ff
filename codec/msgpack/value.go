package msgpack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/kawat-go/kawat/internal/notepack"
)

// maxDepth is how deeply an argument may be nested: what JSON's encoder allows.
const maxDepth = 10_000

// value appends one value. Types without rules of their own are taken here; all
// others by the rules of JSON, in marshal.go.
func (e *encoder) value(dst []byte, v any, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return nil, errors.New("exceeded max depth: is the value part of itself?")
	}
	switch v := v.(type) {
	case nil:
		return msgp.AppendNil(dst), nil
	case string:
		return appendString(dst, v)
	case bool:
		return msgp.AppendBool(dst, v), nil
	case int:
		return notepack.AppendInt(dst, int64(v)), nil
	case int64:
		return notepack.AppendInt(dst, v), nil
	case uint64:
		return msgp.AppendUint64(dst, v), nil
	case float64:
		return notepack.AppendFloat(dst, v), nil
	case []byte:
		return appendBinary(dst, v), nil
	case time.Time:
		return appendTime(dst, v)
	case []any:
		dst = msgp.AppendArrayHeader(dst, uint32(len(v)))
		for _, v := range v {
			if dst, err = e.value(dst, v, depth+1); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case map[string]any:
		dst = msgp.AppendMapHeader(dst, uint32(len(v)))
		var few [16]string
		names := slices.AppendSeq(few[:0], maps.Keys(v))
		slices.Sort(names) // so that equal packets are equal bytes
		for _, name := range names {
			if dst, err = appendString(dst, name); err != nil {
				return nil, err
			}
			if dst, err = e.value(dst, v[name], depth+1); err != nil {
				return nil, err
			}
		}
		return dst, nil
	}
	return e.marshal(dst, v)
}

func appendString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("invalid UTF-8 in the string %q", s[:min(len(s), 40)])
	}
	return msgp.AppendString(dst, s), nil
}

func appendBinary(dst, data []byte) []byte {
	if data == nil {
		return msgp.AppendNil(dst)
	}
	return msgp.AppendBytes(dst, data)
}

// appendTime appends a time as a JavaScript Date, which counts milliseconds.
func appendTime(dst []byte, t time.Time) ([]byte, error) {
	if y := t.Year(); y < 0 || y > 9999 {
		return nil, errors.New("year outside of range [0,9999]")
	}
	return notepack.AppendDate(dst, t.UnixMilli()), nil
}
