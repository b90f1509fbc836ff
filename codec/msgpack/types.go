package msgpack

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

var (
	byteType    = reflect.TypeFor[byte]()
	timeType    = reflect.TypeFor[time.Time]()
	numberType  = reflect.TypeFor[stdjson.Number]()
	marshalerTo = reflect.TypeFor[json.MarshalerTo]()
)

// isBinary reports whether values of a type are slices of byte.
func isBinary(t reflect.Type) bool { return t.Kind() == reflect.Slice && t.Elem() == byteType }

func isFloat(t reflect.Type) bool {
	return t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32
}

// marshalers and unmarshalers are the ways in which a type can say how it is
// encoded and decoded.
var (
	marshalers = []reflect.Type{
		marshalerTo, reflect.TypeFor[json.Marshaler](),
		reflect.TypeFor[encoding.TextAppender](), reflect.TypeFor[encoding.TextMarshaler](),
	}
	unmarshalers = []reflect.Type{
		reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextUnmarshaler](),
	}
)

// implementsAny reports whether a type, or a pointer to it, has the methods of
// one of the interfaces.
func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	return slices.ContainsFunc(interfaces, reflect.PointerTo(t).Implements)
}

// A search looks for what needs a hook in types, and remembers what it found. Of
// each type that it meets, verdict says whether it is such a type, if it is known
// without looking further.
type search struct {
	verdict func(t reflect.Type) (found, known bool)
	results sync.Map // of reflect.Type to bool
}

// marked finds what may have to be written in a way of its own. A type that
// encodes itself with the encoder's options may hand it anything.
var marked = search{verdict: func(t reflect.Type) (found, known bool) {
	found = t == timeType || t == numberType || t.Kind() == reflect.Interface || reflect.PointerTo(t).Implements(marshalerTo) ||
		(isBinary(t) || isFloat(t)) && !implementsAny(t, marshalers)
	return found, found || implementsAny(t, marshalers)
}}

// numbers finds what is read in a way of its own even where the text has words for
// everything.
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
