package msgpack

import (
	"fmt"
	"unicode/utf8"

	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/internal/notepack"
)

// bind is the [packet.BindFunc] of the codec. raw has passed the decoder.
func bind(raw []byte, _ [][]byte, into any) error {
	i, _, err := notepack.Next(raw)
	if err != nil {
		return err
	}
	if direct(i, into) {
		return nil
	}
	if into, ok := into.(*any); ok && into != nil && *into == nil {
		*into, _, err = valueOf(raw)
		return err
	}
	return unmarshal(raw, into)
}

// direct stores an item in a variable of just its type, which comes to the same as
// JSON's rules. All else is for unmarshal.
func direct(i notepack.Item, into any) bool {
	switch into := into.(type) {
	case *string:
		if into != nil && i.Kind == notepack.String {
			*into = string(i.Data)
			return true
		}
	case *bool:
		if into != nil && i.Kind == notepack.Bool {
			*into = i.Num == 1
			return true
		}
	case *int:
		if n := int(int64(i.Num)); into != nil && i.Kind == notepack.Int && int64(n) == int64(i.Num) {
			*into = n
			return true
		}
	case *int64:
		if into != nil && i.Kind == notepack.Int {
			*into = int64(i.Num)
			return true
		}
	case *float64:
		if into != nil && (i.Kind == notepack.Int || i.Kind == notepack.Uint || i.Kind == notepack.Float) {
			*into = i.Float()
			return true
		}
	case *[]byte:
		if into != nil && i.Kind == notepack.Binary {
			*into = i.Bytes()
			return true
		}
	}
	return false
}

// valueOf decodes a value of whatever type, as [packet.Args.Value] has it.
func valueOf(b []byte) (v any, rest []byte, err error) {
	i, rest, err := notepack.Next(b)
	if err != nil {
		return nil, nil, err
	}
	switch i.Kind {
	case notepack.Bool:
		return i.Num == 1, rest, nil
	case notepack.Int, notepack.Uint, notepack.Float:
		return i.Float(), rest, nil
	case notepack.String:
		return string(i.Data), rest, nil
	case notepack.Binary:
		return i.Bytes(), rest, nil
	case notepack.Date:
		return string(i.AppendISO(nil)), rest, nil
	case notepack.Array:
		array := make([]any, i.Num)
		for n := range array {
			if array[n], rest, err = valueOf(rest); err != nil {
				return nil, nil, err
			}
		}
		return array, rest, nil
	case notepack.Map:
		object := make(map[string]any, i.Num)
		for range i.Num {
			var key notepack.Item
			if key, rest, err = notepack.Next(rest); err != nil {
				return nil, nil, err
			}
			name := string(key.Data)
			if _, twice := object[name]; twice || key.Kind != notepack.String || !utf8.ValidString(name) {
				return nil, nil, fmt.Errorf("%w: duplicate name %q", packet.ErrInvalidPayload, name)
			}
			if object[name], rest, err = valueOf(rest); err != nil {
				return nil, nil, err
			}
		}
		return object, rest, nil
	}
	return nil, rest, nil
}
