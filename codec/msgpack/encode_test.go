package msgpack

import (
	"encoding/hex"
	stdjson "encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/packet"
)

// inner is for being embedded.
type inner struct {
	A int    `json:"a"`
	B []byte `json:"b,omitempty"`
}

func TestEncodeValues(t *testing.T) {
	day := time.Date(2023, 11, 14, 23, 13, 20, 123_999_999, time.FixedZone("", 3600))
	number, pointer := 5, (*int)(nil)
	many := make(map[int]int)
	for i := range 16 {
		many[i] = i
	}
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "c0"},
		{true, "c3"},
		{0, "00"}, {127, "7f"}, {128, "cc80"}, {256, "cd0100"}, {65536, "ce00010000"}, {1 << 32, "cf0000000100000000"},
		{-1, "ff"}, {-32, "e0"}, {-33, "d0df"}, {-129, "d1ff7f"}, {-32769, "d2ffff7fff"}, {math.MinInt64, "d38000000000000000"},
		{int64(math.MaxInt64), "cf7fffffffffffffff"},
		{uint64(math.MaxUint64), "cfffffffffffffffff"},
		{uint8(200), "ccc8"}, {int16(-200), "d1ff38"},
		{1.5, "cb3ff8000000000000"}, {float32(0.1), "cb3fb999999999999a"},
		{2.0, "02"}, {-3.0, "fd"}, {float64(1 << 53), "cf0020000000000000"}, {math.Copysign(0, -1), "cb8000000000000000"},
		{1e300, "cb7e37e43c8800759c"}, {float64(1 << 60), "cb43b0000000000000"},
		{math.NaN(), "cb7ff8000000000001"}, {math.Inf(1), "cb7ff0000000000000"},
		{[]float64{1, math.Inf(1)}, "9201cb7ff0000000000000"},
		{[]float32{float32(math.Inf(-1)), 2}, "92cbfff000000000000002"},
		{degree(math.Inf(1)), "cb7ff0000000000000"},
		{"", "a0"}, {"café", "a5636166c3a9"},
		{[]byte{}, "c400"}, {[]byte(nil), "c0"}, {blob{1}, "c40101"}, {blob(nil), "c0"},
		{[]octet{1, 2}, "920102"},
		{[3]byte{1, 2, 3}, "a441514944"},
		{day, "d7000000018bcfe5687b"}, {&day, "d7000000018bcfe5687b"}, {stamp{day}, "d923" + hex.EncodeToString([]byte("2023-11-14T23:13:20.123999999+01:00"))},
		{time.Time{}, "d700ffffc77cedd32800"},
		{[]any{}, "90"}, {[]any(nil), "90"}, {map[string]any(nil), "80"}, {[]string(nil), "90"}, {map[string]int(nil), "80"},
		{map[string]any{"b": 1, "a": []any{"x", []byte{1}, day}}, "82a16193a178c40101d7000000018bcfe5687ba16201"},
		{&number, "05"}, {pointer, "c0"}, {any(&number), "05"},
		{message{Room: "a"}, "81" + room + "a161"},
		{&message{Room: "a", N: &number, Blob: []byte{}, At: day, Any: []any{day, blob{2}, 1.5}},
			"85" + room + "a161 a16e05 a4626c6f62c400 a26174d7000000018bcfe5687b a3616e7993d7000000018bcfe5687bc40102cb3ff8000000000000"},
		{struct {
			inner
			C []inner `json:"c"`
		}{inner{1, []byte{9}}, []inner{{2, nil}, {3, []byte{}}}}, "83a16101a162c40109a1639281a1610282a16103a162c400"},
		{map[int]string{2: "b", 1: "a"}, "82a131a161a132a162"},
		{many, "de0010 a13000a13101a231300aa231310ba231320ca231330da231340ea231350fa13202a13303a13404a13505a13606a13707a13808a13909"},
		{map[time.Time]int{day.UTC().Truncate(time.Second): 1}, "81b4" + hex.EncodeToString([]byte("2023-11-14T22:13:20Z")) + "01"},
		{map[time.Time]any{day.UTC().Truncate(time.Second): 1}, "81b4" + hex.EncodeToString([]byte("2023-11-14T22:13:20Z")) + "01"},
		{make([]int, 16), "dc0010" + strings.Repeat("00", 16)},
		{make([]bool, 65536), "dd00010000" + strings.Repeat("c2", 65536)},
		{[]string{"é\"\\\n<😀"}, "91aa" + hex.EncodeToString([]byte("é\"\\\n<😀"))},
		{shout("abc"), "a3414243"},
		{stdjson.Number("9007199254740993"), "cf0020000000000001"}, {stdjson.Number(""), "00"}, {stdjson.Number("-0"), "cb8000000000000000"},
		{stdjson.Number("1e2"), "64"}, {[]stdjson.Number{"1.5"}, "91cb3ff8000000000000"},
		{map[stdjson.Number]stdjson.Number{"1": "2"}, "81a13102"},
		{stdjson.RawMessage(`{ "a" : [1, null ,"\u0041\ud83d\ude00"] }`), "81a1619301c0a541f09f9880"},
		{jsontext.Value(`18446744073709551615`), "cfffffffffffffffff"},
		{jsontext.Value(`-9223372036854775809`), "cbc3e0000000000000"},
		{jsontext.Value(`{"_placeholder":true,"num":0}`), "82ac5f706c616365686f6c646572c3a36e756d00"},
		{[]any{jsontext.Value(`[0,0]`), blob{7}, 0}, "93920000c4010700"},
		{struct{ A, B any }{jsontext.Value(`0`), blob{7}}, "82a14100a142c40107"},
		{big.NewInt(77), "4d"},
		{packet.Event, "02"},
	} {
		want := "83" + typ + "02" + data + "92a161" + strings.ReplaceAll(c.want, " ", "") + root
		if got := hex.EncodeToString(mustEncode(t, event("a", c.value))); got != want {
			t.Errorf("%T %.100v:\n got %s\nwant %s", c.value, c.value, got, want)
		}
	}
}

func TestEncodeLongStrings(t *testing.T) {
	for length, head := range map[int]string{31: "bf", 32: "d920", 255: "d9ff", 256: "da0100", 65536: "db00010000"} {
		text := strings.Repeat("x", length)
		got := mustEncode(t, event("a", text, []string{text}))
		if want := string(unhex(t, head)) + text; !strings.Contains(string(got), "\xa1a"+want+"\x91"+want) {
			t.Errorf("%d: %.60x", length, got)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	cycle := map[string]any{}
	cycle["a"] = cycle
	list := []any{nil}
	list[0] = list
	type ring struct{ Next *ring }
	round := &ring{}
	round.Next = round
	for name, c := range map[string]struct {
		p    packet.Outgoing
		want string
	}{
		"a channel":            {event("a", make(chan int)), "encode EVENT packet: argument 0: json: "},
		"a function deep in":   {event("a", 1, map[string]any{"f": []any{func() {}}}), "marshal from Go func()"},
		"text":                 {event("a", "a\xff"), `argument 0: invalid UTF-8 in the string "a\xff"`},
		"text deep in":         {event("a", []string{"a\xff"}), "invalid UTF-8"},
		"a key":                {event("a", map[string]any{"\xff": 1}), "invalid UTF-8"},
		"a name":               {event("\xff"), "event name: invalid UTF-8"},
		"a map in itself":      {event("a", cycle), "max depth"},
		"a list in itself":     {event("a", list), "max depth"},
		"a struct in itself":   {event("a", round), "cycle"},
		"a duration":           {event("a", time.Second), "time.Duration"},
		"a number as text":     {event("a", stdjson.Number("x")), `not a number: "x"`},
		"a number too great":   {event("a", stdjson.Number("1e400")), "the number 1e400 does not fit"},
		"a method that panics": {event("a", panics{}), "panic in a method of the value: it is broken"},
		"a year":               {event("a", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)), "argument 0: year outside of range"},
		"a year deep in":       {event("a", []time.Time{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}), "year outside of range"},
		"BINARY_EVENT":         {packet.Outgoing{Type: packet.BinaryEvent}, "encode BINARY_EVENT packet: not a type to be sent"},
		"a namespace":          {packet.Outgoing{Type: packet.Connect, Namespace: "chat"}, `namespace "chat" must start with a slash`},
		"a namespace's text":   {packet.Outgoing{Type: packet.Connect, Namespace: "/\xff"}, `must start with a slash and be UTF-8`},
		"CONNECT with text":    {packet.Outgoing{Type: packet.Connect, Args: []any{"a"}}, "its one argument must be an object"},
		"CONNECT with two":     {packet.Outgoing{Type: packet.Connect, Args: []any{message{}, 1}}, "its one argument must be an object"},
		"DISCONNECT with one":  {packet.Outgoing{Type: packet.Disconnect, Args: []any{1}}, "it takes no arguments"},
	} {
		out, err := Codec().Encode(nil, c.p)
		if err == nil || !strings.Contains(err.Error(), c.want) || out.Head != nil {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	mustDecode(t, mustEncode(t, event("a", message{Room: "after all that"})))
}

// TestEncodeCopies holds that nothing of the arguments is kept: they may change at
// once.
func TestEncodeCopies(t *testing.T) {
	bytes := []byte("before")
	head := mustEncode(t, event("a", bytes, message{Blob: bytes}))
	copy(bytes, "AFTER!")
	if strings.Contains(string(head), "AFTER!") || strings.Count(string(head), "before") != 2 {
		t.Errorf("%q", head)
	}
}

// TestEncodeInPlace holds what recovery counts on: text is found in the message as
// it is, and may be replaced by other text of its length.
func TestEncodeInPlace(t *testing.T) {
	head := mustEncode(t, event("a", message{Room: "b"}, "OFFSET-OFFSET!"))
	if strings.Count(string(head), "OFFSET-OFFSET!") != 1 {
		t.Fatalf("%q", head)
	}
	p := mustDecode(t, []byte(strings.Replace(string(head), "OFFSET-OFFSET!", "00000000000042", 1)))
	if v, err := p.Args.Value(1); v != "00000000000042" || err != nil {
		t.Error(v, err)
	}
}
