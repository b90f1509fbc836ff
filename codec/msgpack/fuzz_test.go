package msgpack

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/packet"
)

// FuzzDecoder feeds a decoder any message, and binds and sends on what it took.
func FuzzDecoder(f *testing.F) {
	for _, text := range recorded(f) {
		f.Add(unhex(f, text))
	}
	for _, text := range []string{
		"83" + typ + "02" + data + "92a161" + strings.Repeat("91", 40) + "c0" + root,
		"83" + typ + "02" + data + "95a161" + date + nan + "c70201ff00" + "dfffffffff" + root,
		"83" + typ + "02" + data + "92a16182a16101a16102" + root,
		"84" + typ + "02" + data + "91aa646973636f6e6e656374" + id + "cb3ff0000000000000" + root,
	} {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		d := Codec().NewDecoder(packet.Limits{})
		input := bytes.Clone(message)
		p, complete, err := d.Add(input, true)
		if !bytes.Equal(input, message) {
			t.Fatal("the input was changed")
		}
		clear(input)
		if complete != (err == nil) || d.Pending() {
			t.Fatalf("complete %v, error %v", complete, err)
		}
		if err != nil {
			if !reflect.DeepEqual(p, packet.Incoming{}) {
				t.Fatalf("%v, and %+v", err, p)
			}
			return
		}
		checkIncoming(t, p)
	})
}

// checkIncoming holds what every packet that was accepted must be like: it can be
// bound, and what was bound can be sent and comes back the same.
func checkIncoming(t *testing.T, p packet.Incoming) {
	t.Helper()
	switch {
	case p.Type > packet.ConnectError, p.ID < packet.NoID, p.ID > packet.MaxID, !strings.HasPrefix(p.Namespace, "/"):
		t.Fatalf("got %+v", p)
	case p.Type == packet.Event && packet.Reserved(p.Event), p.Type != packet.Event && p.Event != "":
		t.Fatalf("event %q of %v", p.Event, p.Type)
	case !utf8.ValidString(p.Event), !utf8.ValidString(p.Namespace), p.Args.Len() > 1024:
		t.Fatalf("got %+v", p)
	}
	for i := range p.Args.Len() {
		v, err := p.Args.Value(i)
		for _, into := range []any{new(string), new(int), new(uint8), new(float32), new([]byte), new(time.Time), new(tree), new(message),
			new([]any), new(map[string]message), new(jsontext.Value), new(*any), new(struct{ X any })} {
			bound := p.Args.Bind(i, into)
			if bound != nil && strings.Contains(bound.Error(), "panic") {
				t.Fatalf("into %T: %v", into, bound)
			}
			if a, ok := into.(**any); ok && (bound == nil) != (err == nil) {
				t.Fatalf("%x: %v into any, %v by way of JSON (%v)", p.Args.Raw(i), err, bound, a)
			}
			if a, ok := into.(**any); ok && err == nil && v != nil {
				same(t, v, **a)
			}
		}
		if err == nil {
			back, err := mustDecode(t, mustEncode(t, event("a", v))).Args.Value(0)
			if err != nil {
				t.Fatal(err)
			}
			same(t, v, back)
			back, err = mustDecode(t, mustEncode(t, event("a", struct{ V any }{v}))).Args.Value(0)
			if err != nil {
				t.Fatal(err)
			}
			same(t, v, back.(map[string]any)["V"])
		}
	}
}

// same compares values in which NaN is equal to itself: as text.
func same(t *testing.T, a, b any) {
	t.Helper()
	x, y := mustEncode(t, event("a", a)), mustEncode(t, event("a", b))
	if !bytes.Equal(x, y) {
		t.Fatalf("%#v is not %#v:\n%s\n%s", a, b, hex.EncodeToString(x), hex.EncodeToString(y))
	}
}

// FuzzText sends any JSON through: it means the same afterwards.
func FuzzText(f *testing.F) {
	for _, text := range []string{`{"a":[1,-0,1e5,"\u00e9\n",null,true,false,{}]}`, `18446744073709551616`, `[[],[[]]]`, `"\ud83d\ude00"`, ` [ 1 , 2 ] `, `0`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := packet.JSON().Encode(nil, event("a", jsontext.Value(text)))
		packed, errHere := Codec().Encode(nil, event("a", jsontext.Value(text)))
		if err != nil {
			if errHere == nil {
				t.Fatalf("JSON says %v", err)
			}
			return
		}
		p, _, err := packet.JSON().NewDecoder(packet.Limits{}).Add(out.Head, false)
		if errHere != nil || err != nil {
			return // beyond a limit, or a number
		}
		q, _, err := Codec().NewDecoder(packet.Limits{}).Add(packed.Head, true)
		if err != nil {
			t.Fatal(err)
		}
		a, errA := p.Args.Value(0)
		b, errB := q.Args.Value(0)
		if (errA == nil) != (errB == nil) {
			t.Fatalf("JSON says %v, %v here", errA, errB)
		}
		if errA == nil {
			same(t, a, b)
		}
	})
}
