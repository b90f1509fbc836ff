package msgpack

import (
	"fmt"
	"unicode/utf8"

	"github.com/kawat-go/kawat/core/packet"
)

// bind is the [packet.BindFunc] of the codec. raw has passed the decoder.
func bind(raw []byte, _ [][]byte, into any) error {
	i, _, err := next(raw)
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
func direct(i item, into any) bool {
	switch into := into.(type) {
	case *string:
		if into != nil && i.kind == stringKind {
			*into = string(i.data)
			return true
		}
	case *bool:
		if into != nil && i.kind == boolKind {
			*into = i.num == 1
			return true
		}
	case *int:
		if n := int(int64(i.num)); into != nil && i.kind == intKind && int64(n) == int64(i.num) {
			*into = n
			return true
		}
	case *int64:
		if into != nil && i.kind == intKind {
			*into = int64(i.num)
			return true
		}
	case *float64:
		if into != nil && (i.kind == intKind || i.kind == uintKind || i.kind == floatKind) {
			*into = i.number()
			return true
		}
	case *[]byte:
		if into != nil && i.kind == binaryKind {
			*into = i.bytes()
			return true
		}
	}
	return false
}

// valueOf decodes a value of whatever type, as [packet.Args.Value] has it.
func valueOf(b []byte) (v any, rest []byte, err error) {
	i, rest, err := next(b)
	if err != nil {
		return nil, nil, err
	}
	switch i.kind {
	case boolKind:
		return i.num == 1, rest, nil
	case intKind, uintKind, floatKind:
		return i.number(), rest, nil
	case stringKind:
		return string(i.data), rest, nil
	case binaryKind:
		return i.bytes(), rest, nil
	case dateKind:
		return string(appendISO(nil, i)), rest, nil
	case arrayKind:
		array := make([]any, i.num)
		for n := range array {
			if array[n], rest, err = valueOf(rest); err != nil {
				return nil, nil, err
			}
		}
		return array, rest, nil
	case mapKind:
		object := make(map[string]any, i.num)
		for range i.num {
			var key item
			if key, rest, err = next(rest); err != nil {
				return nil, nil, err
			}
			name := string(key.data)
			if _, twice := object[name]; twice || key.kind != stringKind || !utf8.ValidString(name) {
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
