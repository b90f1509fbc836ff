package msgpack

import (
	"bytes"
	stdjson "encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/packet"
)

type (
	blob   []byte
	octet  byte
	degree float64
	shout  string
	stamp  struct{ time.Time }
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *shout) UnmarshalText(text []byte) error {
	*s = shout(strings.ToUpper(string(text)))
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (s shout) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(s))), nil }

type message struct {
	Room string    `json:"room"`
	N    *int      `json:"n,omitempty"`
	Blob []byte    `json:"blob,omitempty"`
	At   time.Time `json:"at,omitzero"`
	Any  any       `json:"any,omitempty"`
}

const (
	room = "a4726f6f6d"
	nan  = "cb7ff8000000000000"
	inf  = "cbfff0000000000000"
	date = "d7000000018bcfe5687b" // 2023-11-14T22:13:20.123Z
)

func TestBind(t *testing.T) {
	seven, day := 7, time.Date(2023, 11, 14, 22, 13, 20, 123_000_000, time.UTC)
	for _, c := range []struct {
		arg  string
		want any // the type is what is bound into
	}{
		{"a5636166c3a9", "café"},
		{"d90161", "a"},
		{"c3", true},
		{"07", 7},
		{"e0", -32},
		{"d080", int8(-128)},
		{"07", uint8(7)},
		{"07", 7.0},
		{"07", float32(7)},
		{"cf0020000000000001", int64(9007199254740993)},
		{"d3ffdfffffffffffff", int64(-9007199254740993)},
		{"cfffffffffffffffff", uint64(math.MaxUint64)},
		{"cfffffffffffffffff", float64(math.MaxUint64)},
		{"cf0020000000000001", any(float64(9007199254740992))},
		{"cb3ff8000000000000", 1.5},
		{"ca3fc00000", 1.5},
		{"cb412e848000000000", 1_000_000}, // a float without a fraction
		{"cb44b52d02c7e14af6", 1e23},
		{inf, math.Inf(-1)},
		{inf, degree(math.Inf(-1))},
		{"91" + inf, []float32{float32(math.Inf(-1))}},
		{"91" + inf, []any{math.Inf(-1)}},
		{nan, (*int)(nil)},
		{"c0", (*int)(nil)},
		{"d40000", (*string)(nil)},
		{"c0", ""},
		{"c0", []byte(nil)},
		{"c403010203", []byte{1, 2, 3}},
		{"c70200ff00", []byte{255, 0}},
		{"c70800" + "0102030405060708", []byte{1, 2, 3, 4, 5, 6, 7, 8}}, // no Date
		{"c400", []byte{}},
		{"c403010203", blob{1, 2, 3}},
		{"a441514944", []byte{1, 2, 3}},
		{"920102", []octet{1, 2}},
		{"92c40101c0", [][]byte{{1}, nil}},
		{"81a161c40101", map[string]blob{"a": {1}}},
		{"82" + room + "a161a16e07", message{Room: "a", N: &seven}},
		{"82a4526f6f6da161a14e07", message{Room: "a", N: &seven}},
		{"84" + room + "a161a4626c6f62c40101a26174" + date + "a3616e7992c40102" + date,
			message{Room: "a", Blob: []byte{1}, At: day, Any: []any{[]byte{2}, "2023-11-14T22:13:20.123Z"}}},
		{"82" + room + "c0a56f7468657290", message{}},
		{date, day},
		{date, stamp{day}},
		{date, "2023-11-14T22:13:20.123Z"},
		{"b4323032302d30312d30325430333a30343a30355a", time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"a3616263", shout("ABC")},
		{"9301a161c0", []any{1.0, "a", nil}},
		{"81a16181a16290", map[string]any{"a": map[string]any{"b": []any{}}}},
		{"81a16107", map[string]int{"a": 7}},
		{"81a13107", map[int]int{1: 7}},
		{"9201a161", stdjson.RawMessage(`[1,"a"]`)},
		{"92" + date + "c0", jsontext.Value(`["2023-11-14T22:13:20.123Z",null]`)},
		{"cf0020000000000001", stdjson.Number("9007199254740993")},
		{"920ac0", []stdjson.Number{"10", ""}},
		{"d700" + "001eb208c2dc0000", any("+275760-09-13T00:00:00.000Z")},
		{"d700" + "ffe14df73d240000", any("-271821-04-20T00:00:00.000Z")},
		{"82a3616e79d40000a1780a", message{}},
		{"81a3616e7981a26162cb3ff8000000000000", message{Any: map[string]any{"ab": 1.5}}},
		{"81a3616e7981a26162c3", message{Any: map[string]any{"ab": true}}},
		{"81a3616e79" + inf, message{Any: math.Inf(-1)}},
	} {
		p := received(t, c.arg)
		into := reflect.New(reflect.TypeOf(c.want))
		if err := p.Args.Bind(0, into.Interface()); err != nil {
			t.Errorf("%s into %T: %v", c.arg, c.want, err)
		} else if got := into.Elem().Interface(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", c.arg, got, c.want)
		}
	}
}

func TestBindNaN(t *testing.T) {
	type nested struct {
		P **float64 `json:"p"`
	}
	var n nested
	if err := received(t, "81a170"+nan).Args.Bind(0, &n); err != nil || n.P == nil || **n.P == **n.P {
		t.Errorf("a pointer: %v, %v", n.P, err)
	}
	for _, arg := range []string{nan, "ca7fc00000"} {
		p := received(t, arg)
		var f float64
		var d degree
		v, err := p.Args.Value(0)
		if x, ok := v.(float64); !ok || err != nil || x == x {
			t.Errorf("any: %v, %v", v, err)
		}
		if err := p.Args.Bind(0, &f); err != nil || f == f {
			t.Errorf("float64: %v, %v", f, err)
		}
		if err := p.Args.Bind(0, &d); err != nil || d == d {
			t.Errorf("degree: %v, %v", d, err)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	for _, c := range []struct {
		arg  string
		into any
		want string
	}{
		{"a161", new(int), `unmarshal JSON string into Go int`},
		{"cd0100", new(uint8), `into Go uint8`},
		{"ff", new(uint), `into Go uint`},
		{"cfffffffffffffffff", new(int64), `into Go int64`},
		{"cb3ff8000000000000", new(int), `into Go int`},
		{"01", new(string), `into Go string`},
		{"c40101", new(string), `into Go string`},
		{"c40101", new(int), `into Go int`},
		{"80", new([]byte), `into Go []uint8`},
		{"a161", new(time.Time), `into Go time.Time`},
		{"9101", new(message), `into Go msgpack.message`},
		{"82a16101a16102", new(any), `duplicate name "a"`},
		{"9182a16101a16102", new(any), `duplicate name "a"`},
		{"82a16101a16102", new(map[string]int), `duplicate object member name "a"`},
		{"82" + room + "a161a4526f6f6da161", new(message), `duplicate object member name "Room"`},
		{"01", nil, `non-nil pointer`},
		{"01", (*int)(nil), `non-nil pointer`},
		{"a161", (*string)(nil), `non-nil pointer`},
		{"c0", (*any)(nil), `non-nil pointer`},
		{"a161", new(panics), `panic in a method of the value: it is broken`},
	} {
		err := received(t, c.arg).Args.Bind(0, c.into)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s into %T: got %v, want %s", c.arg, c.into, err, c.want)
		}
	}
	// After a panic, and everything else, binding goes on.
	var text string
	if err := received(t, "a161").Args.Bind(0, &text); err != nil || text != "a" {
		t.Error(text, err)
	}
}

type panics struct{}

func (panics) UnmarshalJSON([]byte) error   { panic("it is broken") }
func (panics) MarshalJSON() ([]byte, error) { panic("it is broken") }

// TestBindOwns holds that arguments outlive the message, share the memory of binary
// and cannot grow into each other.
func TestBindOwns(t *testing.T) {
	p := mustDecode(t, mustEncode(t, event("a", []byte("one"), map[string]any{"b": []byte("two"), "c": []byte("three")}, "end")))
	var one []byte
	var two map[string][]byte
	if err := p.Args.Bind(0, &one); err != nil {
		t.Fatal(err)
	}
	if err := p.Args.Bind(1, &two); err != nil {
		t.Fatal(err)
	}
	_ = append(append(one, "longer"...), append(two["b"], "longer"...)...)
	if got, err := p.Args.Value(2); err != nil || got != "end" || string(one) != "one" || string(two["b"]) != "two" || string(two["c"]) != "three" {
		t.Errorf("%v, %v, %q, %q", got, err, one, two)
	}
	if raw := p.Args.Raw(0); cap(raw) != len(raw) {
		t.Errorf("argument 0 has room for %d bytes behind it", cap(raw)-len(raw))
	}
	if raw := p.Args.Raw(2); !bytes.Equal(raw, []byte("\xa3end")) {
		t.Errorf("raw %q", raw)
	}
	if size := p.Args.Size(); size < 15 || size > 200 {
		t.Errorf("size %d", size)
	}
}

// TestBindIntoWhatIsThere holds that an any that holds something is treated as JSON
// treats it.
func TestBindIntoWhatIsThere(t *testing.T) {
	m := &message{Room: "old"}
	var v any = m
	p := received(t, "81a3616e7901")
	if err := p.Args.Bind(0, &v); err != nil || m.Room != "old" || m.Any != 1.0 {
		t.Errorf("%+v, %v", m, err)
	}
}

var _ packet.BindFunc = bind
