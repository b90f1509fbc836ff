package packet

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// packetSeeds are packets as texts. The file has a JSON string a line, since the
// end-to-end tests read it as well.
func packetSeeds(f *testing.F) []string {
	f.Helper()
	file, err := os.ReadFile("testdata/seeds.txt")
	if err != nil {
		f.Fatal(err)
	}
	seeds := []string{"2[\"\xff\"]"}
	for line := range strings.Lines(string(file)) {
		var text string
		if err := stdjson.Unmarshal([]byte(line), &text); err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		seeds = append(seeds, text)
	}
	return seeds
}

// FuzzDecoder feeds one decoder any text and, while it waits, attachments.
func FuzzDecoder(f *testing.F) {
	for _, text := range packetSeeds(f) {
		f.Add([]byte(text), []byte("attachment"))
	}
	f.Fuzz(func(t *testing.T, text, attachment []byte) {
		d := JSON().NewDecoder(Limits{})
		input := bytes.Clone(text)
		p, complete, err := d.Add(input, false)
		if !bytes.Equal(input, text) {
			t.Fatal("the input was changed")
		}
		clear(input)
		for n := 0; err == nil && !complete; n++ {
			if n == 10 || !d.Pending() {
				t.Fatalf("neither complete nor pending after %d", n)
			}
			p, complete, err = d.Add(attachment, true)
		}
		if err != nil {
			if d.Pending() || !reflect.DeepEqual(p, Incoming{}) {
				t.Fatalf("pending after %v, or %+v", err, p)
			}
			return
		}
		checkIncoming(t, p)
	})
}

// checkIncoming holds what every packet that was accepted must be like.
func checkIncoming(t *testing.T, p Incoming) {
	t.Helper()
	switch {
	case p.Type > ConnectError, p.ID < NoID, p.ID > MaxID, !strings.HasPrefix(p.Namespace, "/"):
		t.Fatalf("got %+v", p)
	case p.Type == Event && Reserved(p.Event), p.Type != Event && p.Event != "":
		t.Fatalf("event %q of %v", p.Event, p.Type)
	case !utf8.ValidString(p.Event), !utf8.ValidString(p.Namespace), p.Args.Len() > 1023 && p.Type == Event:
		t.Fatalf("got %+v", p)
	}
	for i := range p.Args.Len() {
		if ok, err := accepts(p.Args.Raw(i), 1000); !ok {
			t.Fatalf("argument %d: %q: %v", i, p.Args.Raw(i), err)
		}
		if raw := p.Args.Raw(i); len(bytes.Trim(raw, " \t\r\n")) != len(raw) {
			t.Fatalf("argument %d has space around it: %q", i, raw)
		}
		var m struct {
			Data  []byte
			Named blob
			Any   any
			List  []any
			Map   map[string][]byte
		}
		_ = p.Args.Bind(i, &m) // may fail, not panic
		if v, err := p.Args.Value(i); err == nil {
			if err := checkNoPlaceholder(v, p.Args.attachments != nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// checkNoPlaceholder holds that no placeholder is left in a packet with binary.
func checkNoPlaceholder(v any, binary bool) error {
	switch v := v.(type) {
	case map[string]any:
		if binary && v[placeholderMark] == true {
			return fmt.Errorf("a placeholder is left: %v", v)
		}
		for _, v := range v {
			if err := checkNoPlaceholder(v, binary); err != nil {
				return err
			}
		}
	case []any:
		for _, v := range v {
			if err := checkNoPlaceholder(v, binary); err != nil {
				return err
			}
		}
	}
	return nil
}

// FuzzBind binds any text that the scanner accepts, with attachments, to types of
// every kind.
func FuzzBind(f *testing.F) {
	for _, text := range scannerSeeds() {
		f.Add([]byte(text), byte(0))
	}
	for i := range bindTargets() {
		f.Add([]byte(ph(`[\0,{"a":\1,"named":\0,"any":{"x":\1}}]`)), byte(i))
		f.Add([]byte(ph(`{"any":\1,"named":\0,"list":[\0,null]}`)), byte(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, target byte) {
		d := JSON().NewDecoder(Limits{})
		if _, _, err := d.Add(fmt.Appendf(nil, `52-["a",%s]`, text), false); err != nil {
			return
		}
		_, _, _ = d.Add([]byte("zero"), true)
		p, _, _ := d.Add([]byte("one"), true)
		targets := bindTargets()
		for i := range p.Args.Len() {
			err := p.Args.Bind(i, targets[int(target)%len(targets)])
			if err != nil && strings.Contains(err.Error(), "panic") {
				t.Fatal(err)
			}
		}
	})
}

func bindTargets() []any {
	return []any{
		new(any), new([]byte), new(blob), new([]any), new(map[string]any), new(map[string][]byte), new(holder), new([]holder),
		new(string), new(int), new(float64), new([3]byte), new([][]octet), new(anything), new(*[]blob), new(map[int]any),
	}
}

// FuzzRoundTrip encodes values, decodes the packet and expects the same values.
func FuzzRoundTrip(f *testing.F) {
	f.Add("/", int64(-1), "chat", "text", 1.5, []byte("data"), true)
	f.Add("/chat", int64(0), "a \"b\"", "é😀\u2028\x00", math.Copysign(0, -1), []byte{}, false)
	f.Add("/x?y=1", MaxID, "", "\\", 1e300, []byte(nil), true)
	f.Fuzz(func(t *testing.T, namespace string, id int64, name, text string, number float64, data []byte, binary bool) {
		nested := map[string]any{text: []any{number, nil, binary, text}}
		if binary {
			nested[text+"!"] = []any{bytes.Clone(data), map[string]any{name: append([]byte{}, data...)}}
		}
		if data == nil && binary {
			nested[text+"!"].([]any)[0] = nil // null, and so it comes back
		}
		sent := Outgoing{Type: Event, Namespace: namespace, ID: id, Event: name, Args: []any{nested, text, number}}
		out, err := JSON().Encode(nil, sent)
		if err != nil {
			return
		}
		p, err := decodeAll(out)
		if err != nil {
			valid := utf8.ValidString(namespace) && len(namespace) <= 512 && id <= MaxID && !Reserved(name)
			if valid {
				t.Fatalf("%s: %v", out.Head, err)
			}
			return
		}
		if p.Event != name || p.ID != max(id, NoID) || p.Namespace != "/" && p.Namespace != namespace {
			t.Fatalf("%s: got %+v", out.Head, p)
		}
		for i, want := range sent.Args {
			if got, err := p.Args.Value(i); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: argument %d is %#v, want %#v (%v)", out.Head, i, got, want, err)
			}
		}
	})
}

// decodeAll decodes what was encoded.
func decodeAll(out Encoded) (Incoming, error) {
	d := JSON().NewDecoder(Limits{})
	p, complete, err := d.Add(out.Head, out.Binary)
	for _, data := range out.Attachments {
		if err != nil {
			return p, err
		}
		p, complete, err = d.Add(data, true)
	}
	if err == nil && !complete {
		err = fmt.Errorf("incomplete")
	}
	return p, err
}
