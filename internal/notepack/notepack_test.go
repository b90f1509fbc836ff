package notepack

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strconv"
	"testing"

	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// items are what each form of MessagePack is, and what it is as JSON; "" where another
// writes that.
var items = map[string]struct {
	item Item
	json string
}{
	"c0": {Item{}, "null"}, "c2": {Item{Kind: Bool}, "false"}, "c3": {Item{Kind: Bool, Num: 1}, "true"},
	"7f": {Item{Kind: Int, Num: 127}, "127"}, "ff": {Item{Kind: Int, Num: 1<<64 - 1}, "-1"}, "cd0100": {Item{Kind: Int, Num: 256}, "256"},
	"cf7fffffffffffffff": {Item{Kind: Int, Num: math.MaxInt64}, "9223372036854775807"},
	"cf8000000000000000": {Item{Kind: Uint, Num: 1 << 63}, "9223372036854775808"},
	"ca3fc00000":         {Item{Kind: Float, Num: math.Float64bits(1.5)}, "1.5"},
	"cb4000000000000000": {Item{Kind: Float, Num: math.Float64bits(2)}, "2"},
	"cb7ff0000000000000": {Item{Kind: Float, Num: math.Float64bits(math.Inf(1))}, "null"},
	"a26869":             {Item{Kind: String, Data: []byte("hi")}, ""},
	"c4020001":           {Item{Kind: Binary, Data: []byte{0, 1}}, ""}, "c702000001": {Item{Kind: Binary, Data: []byte{0, 1}}, ""},
	"d40000":               {Item{Kind: Undefined}, "null"},
	"d700ffffffffffffffff": {Item{Kind: Date, Num: 1<<64 - 1}, `"1969-12-31T23:59:59.999Z"`},
	"d7007fffffffffffffff": {Item{Kind: Date, Num: math.MaxInt64}, "null"},
	"d6ff00000001":         {Item{Kind: Timestamp, Num: 1000}, `"1970-01-01T00:00:01.000Z"`},
	"d7ff3b9aca0000000001": {Item{Kind: Timestamp, Num: 1250}, `"1970-01-01T00:00:01.250Z"`},
	"91c0":                 {Item{Kind: Array, Num: 1}, ""}, "81c0c0": {Item{Kind: Map, Num: 1}, ""},
}

func TestNext(t *testing.T) {
	for text, want := range items {
		b := unhex(t, text)
		got, rest, err := Next(append(b, "behind"...))
		if err != nil || !reflect.DeepEqual(got, want.item) || !bytes.HasSuffix(rest, []byte("behind")) {
			t.Errorf("%s: %+v, %q, %v, want %+v", text, got, rest, err, want.item)
		}
		if got.Kind < Array && string(rest) != "behind" {
			t.Errorf("%s: %q is left", text, rest)
		}
		if want.json != "" && string(got.AppendJSON(nil)) != want.json {
			t.Errorf("%s: %s, want %s", text, got.AppendJSON(nil), want.json)
		}
		for n := range b {
			if _, _, err := Next(b[:n]); err == nil {
				t.Errorf("%s: %d bytes are enough", text, n)
			}
		}
	}
	for text, want := range map[string]error{
		"": ErrMalformed, "c1": ErrMalformed, "ddffffffff": ErrMalformed, "dfffffffffc0": ErrMalformed, "c6ffffffff": ErrMalformed, "dbffffffff6161": ErrMalformed, "c9ffffffff00": ErrMalformed,
		"d401": ErrExtension, "d5000000": ErrExtension, "d5ff0000": ErrExtension, "d8ff" + "00000000000000000000000000000000": ErrExtension,
	} {
		if i, rest, err := Next(unhex(t, text)); err != want || rest != nil || !reflect.DeepEqual(i, Item{}) {
			t.Errorf("%s: %+v, %q, %v, want %v", text, i, rest, err, want)
		}
	}
}

func TestAppendNumber(t *testing.T) {
	for text, want := range map[string]string{
		"0": "00", "128": "cc80", "-1": "ff", "-129": "d1ff7f", "18446744073709551615": "cfffffffffffffffff",
		"1.0": "01", "1.5": "cb3ff8000000000000", "-0": "cb8000000000000000", "1e400": "cb7ff0000000000000",
	} {
		got, err := AppendNumber(nil, []byte(text))
		if hex.EncodeToString(got) != want || err != nil && (text != "1e400" || !errors.Is(err, strconv.ErrRange)) {
			t.Errorf("%s: %x, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", "x"} {
		if got, err := AppendNumber(nil, []byte(text)); err == nil || len(got) > 0 {
			t.Errorf("%q: %x", text, got)
		}
	}
}

// Bytes may be appended to without harm to what is behind them.
func TestBytes(t *testing.T) {
	b := unhex(t, "a26869c0")
	i, _, _ := Next(b)
	if _ = append(i.Bytes(), "xx"...); b[3] != 0xc0 {
		t.Errorf("%x", b)
	}
}

// FuzzNext holds that an item ends where the library that is below says, that what it
// claims is there, and that a scalar is the same when it is written anew.
func FuzzNext(f *testing.F) {
	for text := range items {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, rest, err := Next(b)
		if err != nil {
			if err != ErrMalformed && err != ErrExtension || rest != nil {
				t.Fatalf("%x, %v", rest, err)
			}
			return
		}
		if len(rest) >= len(b) || !bytes.HasSuffix(b, rest) || len(i.Data) > len(b)-len(rest) {
			t.Fatalf("%+v, %x of %x", i, rest, b)
		}
		if i.Kind >= Array {
			if i.Num > uint64(len(rest)) {
				t.Fatalf("%+v, %x", i, rest)
			}
			return
		}
		if behind, err := msgp.Skip(b); err != nil || len(behind) != len(rest) {
			t.Fatalf("%x, %v, want %x", behind, err, rest)
		}
		var again []byte
		switch i.Kind {
		case Int:
			again = AppendInt(nil, int64(i.Num))
		case Float:
			again = AppendFloat(nil, i.Float())
		case Date:
			again = AppendDate(nil, int64(i.Num))
		default:
			return
		}
		back, _, err := Next(again)
		if err != nil || math.Float64bits(back.Float()) != math.Float64bits(i.Float()) && i.IsFinite() {
			t.Fatalf("%+v, %v, was %+v", back, err, i)
		}
	})
}
