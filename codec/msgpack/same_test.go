package msgpack

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/packet"
)

type tree struct {
	Name     string           `json:"name"`
	Children []*tree          `json:"children,omitempty"`
	Files    map[string]*file `json:"files,omitempty"`
	Size     int64            `json:"size,string"`
	Hidden   bool             `json:"-"`
	Ratio    float64          `json:"ratio,omitzero"`
	shape
	*inner
	Extra map[string]any `json:",inline"`
}

type shape struct {
	Kind  shout `json:"kind"`
	Lines [2]int
}

type file struct {
	Data []byte         `json:"data"`
	Mime *string        `json:"mime"`
	Tags map[shout]bool `json:"tags"`
}

// TestSameAsJSON sends values through both codecs: what comes out is the same, so
// that a server can change its codec and nothing else.
func TestSameAsJSON(t *testing.T) {
	mime := "text/plain"
	for _, value := range []any{
		nil, "text", 1, -1.5, true, []byte("bytes"), int64(math.MaxInt64), uint64(math.MaxUint64), []string{}, []int(nil),
		message{}, &message{Room: "a", Blob: []byte{1}, Any: map[string]any{"x": []any{1.0, []byte{2}, nil}}},
		tree{Name: "root", Size: math.MinInt64, Ratio: 1e-9, inner: &inner{7, []byte("inner")},
			shape:    shape{"round", [2]int{1, 2}},
			Children: []*tree{{Name: "a"}, nil, {Name: "b", Children: []*tree{{Name: "c"}}}},
			Files:    map[string]*file{"f": {[]byte("data"), &mime, map[shout]bool{"x": true}}, "g": {}, "h": nil},
			Extra:    map[string]any{"later": []any{[]byte("extra"), "more"}}},
		[]inner{{1, nil}, {2, []byte{}}, {3, []byte{3}}},
		map[int]blob{1: {1}, -2: nil}, [2]bool{true, false}, [3]byte{1, 2, 3}, []octet{1}, shout("x"),
		jsontext.Value(`{"a":[1000,"\u00e9",{}]}`), map[string]jsontext.Value{"raw": jsontext.Value(`[0,0]`)},
		struct {
			A any `json:"a,omitempty"`
			B any `json:"b,omitempty"`
			C []byte
		}{[]any{}, []byte{}, []byte{}},
		struct{ N, M, P **int }{},
	} {
		plain, packed := through(t, packet.JSON(), value), through(t, Codec(), value)
		for _, into := range []reflect.Type{typeOf(value), reflect.TypeFor[any](), reflect.TypeFor[*any](), reflect.TypeFor[struct{ X any }]()} {
			a, b := reflect.New(into), reflect.New(into)
			errA, errB := plain.Bind(0, a.Interface()), packed.Bind(0, b.Interface())
			if (errA == nil) != (errB == nil) || !reflect.DeepEqual(a.Interface(), b.Interface()) {
				t.Errorf("%T into %v:\n JSON %+v, %v\n here %+v, %v", value, into, a.Elem(), errA, b.Elem(), errB)
			}
		}
	}
	// The exceptions, which the documents name.
	var day time.Time
	want := time.Date(2020, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	if err := through(t, Codec(), want.Add(7)).Bind(0, &day); err != nil || day != want {
		t.Errorf("a time: %v, %v", day, err)
	}
}

func typeOf(v any) reflect.Type {
	if v == nil {
		return reflect.TypeFor[*int]()
	}
	return reflect.TypeOf(v)
}

// through sends a value through a codec.
func through(t testing.TB, codec packet.Codec, value any) packet.Args {
	t.Helper()
	out, err := codec.Encode(nil, event("a", value))
	if err != nil {
		t.Fatalf("%T: %v", value, err)
	}
	d := codec.NewDecoder(packet.Limits{})
	p, complete, err := d.Add(out.Head, out.Binary)
	for _, data := range out.Attachments {
		if err == nil {
			p, complete, err = d.Add(data, true)
		}
	}
	if err != nil || !complete {
		t.Fatalf("%T: complete %v, %v", value, complete, err)
	}
	return p.Args
}
