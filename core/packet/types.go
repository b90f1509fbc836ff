package packet

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	byteType   = reflect.TypeFor[byte]()
	valueType  = reflect.TypeFor[jsontext.Value]()
	numberType = reflect.TypeFor[stdjson.Number]()

	marshalerTo = reflect.TypeFor[json.MarshalerTo]()

	// marshalers and unmarshalers are the ways in which a type can say how it
	// is encoded and decoded: it is then never binary.
	marshalers = []reflect.Type{
		marshalerTo, reflect.TypeFor[json.Marshaler](),
		reflect.TypeFor[encoding.TextAppender](), reflect.TypeFor[encoding.TextMarshaler](),
	}
	unmarshalers = []reflect.Type{
		reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextUnmarshaler](),
	}
)

// isBinary reports whether values of a type are slices of byte.
func isBinary(t reflect.Type) bool { return t.Kind() == reflect.Slice && t.Elem() == byteType }

// implementsAny reports whether a type, or a pointer to it, has the methods of
// one of the interfaces.
func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	return slices.ContainsFunc(interfaces, reflect.PointerTo(t).Implements)
}

// mayHoldBinary reports whether binary may be found in a value, so that all others
// can be encoded the fast way. It looks into the usual dynamic types as far as its
// budget goes, which also ends cycles, and goes by the type of others.
func mayHoldBinary(v any, budget *int) bool {
	if *budget--; *budget < 0 {
		return true
	}
	switch v := v.(type) {
	case nil, string, bool, int, float64:
		return false
	case map[string]any:
		for _, v := range v {
			if mayHoldBinary(v, budget) {
				return true
			}
		}
		return false
	case []any:
		return slices.ContainsFunc(v, func(v any) bool { return mayHoldBinary(v, budget) })
	}
	return marked.holds(reflect.TypeOf(v))
}

// A search looks for what needs a hook in types, and remembers what it found. Of
// each type that it meets, verdict says whether it is such a type, if it is known
// without looking further.
type search struct {
	verdict func(t reflect.Type) (found, known bool)
	results sync.Map // of reflect.Type to bool
}

// marked finds what is to be encoded in a way of its own: binary and numbers that
// are kept as text.
var marked = search{verdict: func(t reflect.Type) (found, known bool) {
	switch {
	case t == valueType:
		return false, true
	case t == numberType, isBinary(t) && !implementsAny(t, marshalers):
		return true, true
	case t.Kind() == reflect.Interface:
		return true, true // only the value can tell
	case reflect.PointerTo(t).Implements(marshalerTo):
		return true, true // it may encode parts of itself with the encoder's options
	}
	return false, implementsAny(t, marshalers)
}}

// numbers finds what is to be decoded in a way of its own even where there are no
// attachments.
var numbers = search{verdict: func(t reflect.Type) (found, known bool) {
	return t == numberType, t == numberType || implementsAny(t, unmarshalers)
}}

// holds reports whether a type, or one that it is made of, is being looked for.
func (s *search) holds(t reflect.Type) bool {
	if known, ok := s.results.Load(t); ok {
		return known.(bool)
	}
	found := s.within(t, make(map[reflect.Type]bool))
	s.results.Store(t, found)
	return found
}

// within is holds for types that have not been visited yet.
func (s *search) within(t reflect.Type, visited map[reflect.Type]bool) bool {
	if visited[t] {
		return false
	}
	visited[t] = true
	if found, known := s.verdict(t); known {
		return found
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Pointer, reflect.Map:
		return s.within(t.Elem(), visited)
	case reflect.Struct:
		for i := range t.NumField() {
			if s.within(t.Field(i).Type, visited) {
				return true
			}
		}
	}
	return false
}
