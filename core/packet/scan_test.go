package packet

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// accepts is what the scanner says of a text, nested up to depth.
func accepts(text []byte, depth int) (bool, Error) {
	s := scanner{data: text, depth: depth}
	s.space()
	ok := s.value() && s.end()
	return ok, s.err
}

// jsontextAccepts is what jsontext says, made as lenient as JSON.parse: lone
// surrogates and duplicate names pass, bytes that are no UTF-8 do not.
func jsontextAccepts(text []byte) bool {
	v := jsontext.Value(text)
	return utf8.Valid(text) && v.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// jsontextElements splits an array.
func jsontextElements(t *testing.T, text []byte) (elements []string) {
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for dec.PeekKind() != jsontext.KindEndArray {
		v, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		elements = append(elements, string(v))
	}
	return elements
}

func checkAgainstJSONText(t *testing.T, text []byte) {
	t.Helper()
	got, err := accepts(text, 10_000)
	if want := jsontextAccepts(text); got != want {
		t.Fatalf("%q: scanner %v (%v), jsontext %v", text, got, err, want)
	}
	if got == (err != "") {
		t.Fatalf("%q: %v with error %q", text, got, err)
	}
	// The array's scanner counts one level itself.
	s := scanner{data: text, depth: 10_000}
	spans, ok := s.array(nil, len(text)+1)
	isArray := got && bytes.TrimLeft(text, " \t\r\n")[0] == '['
	if ok != isArray {
		t.Fatalf("%q: as an array %v, want %v", text, ok, isArray)
	}
	if !ok {
		return
	}
	want := jsontextElements(t, text)
	if len(spans) != len(want) {
		t.Fatalf("%q: %d elements, want %d", text, len(spans), len(want))
	}
	for i, at := range spans {
		if string(text[at.start:at.end]) != want[i] {
			t.Fatalf("%q: element %d is %q, want %q", text, i, text[at.start:at.end], want[i])
		}
	}
}

func scannerSeeds() []string {
	return []string{
		``, ` `, `[]`, `{}`, `[1,-0,0.5e+10,1E-2,"a",true,false,null,{},[[]]]`, `{"a":{"b":[{"c":"d"}]},"a":1}`, " [ 1 ,\t2 ] \r\n",
		`"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"é😀"`, "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"",
		`[1,]`, `[,1]`, `{"a"}`, `{"a":1,}`, `{1:2}`, `[}`, `{]`, `01`, `-`, `1.`, `1e`, `+1`, `.5`, `1e400`, `NaN`, `"\x"`, `"\u00"`, "\"\n\"",
		`[1]x`, `[1][2]`, `nul`, `truex`, "\x00", "\ufeff[]", strings.Repeat(`[{"a":`, 70) + "1" + strings.Repeat("}]", 70),
		strings.Repeat("[", 63) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65),
		strings.Repeat("[", 64) + `{"a":1}` + strings.Repeat("]", 64), strings.Repeat(`{"a":`, 129) + "[" + "]" + strings.Repeat("}", 129),
	}
}

func TestScannerAgainstJSONText(t *testing.T) {
	for _, text := range scannerSeeds() {
		checkAgainstJSONText(t, []byte(text))
	}
}

// TestScannerMutations changes, removes and repeats bytes of valid texts: most
// results are nearly JSON, which random bytes never are.
func TestScannerMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const alphabet = "[]{}:,\"\\u0019eE+-. tfn\x00\xff\xc3\xa9a/"
	seeds := scannerSeeds()
	for range 50_000 {
		text := []byte(seeds[r.IntN(len(seeds))])
		for range 1 + r.IntN(3) {
			i := r.IntN(len(text) + 1)
			switch n := r.IntN(3); {
			case n == 0 && i < len(text):
				text[i] = alphabet[r.IntN(len(alphabet))]
			case n == 1 && i < len(text):
				text = append(text[:i], text[i+1:]...)
			default:
				text = append(text[:i], append([]byte{alphabet[r.IntN(len(alphabet))]}, text[i:]...)...)
			}
		}
		checkAgainstJSONText(t, text)
	}
}

func FuzzScanner(f *testing.F) {
	for _, text := range scannerSeeds() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		checkAgainstJSONText(t, text)
		// Whatever the standard library accepts is accepted, if it is UTF-8.
		if ok, _ := accepts(text, 10_000); json.Valid(text) && utf8.Valid(text) != ok {
			t.Errorf("%q: scanner %v, encoding/json accepts", text, ok)
		}
	})
}

func TestScannerDepth(t *testing.T) {
	for depth := 1; depth < 200; depth++ {
		text := []byte(strings.Repeat(`{"a":[`, depth) + strings.Repeat("]}", depth))
		if ok, err := accepts(text, 2*depth); !ok {
			t.Errorf("depth %d: %v", 2*depth, err)
		}
		if ok, err := accepts(text, 2*depth-1); ok || err != ErrTooDeep {
			t.Errorf("depth %d: %v, %v", 2*depth-1, ok, err)
		}
	}
}

// TestHostilePayloads holds the costs of what is built to cost much. They are all
// legal JSON or nearly so.
func TestHostilePayloads(t *testing.T) {
	var keys strings.Builder
	for i := range 100_000 {
		keys.WriteString(`"k` + string(rune('a'+i%26)) + strings.Repeat("x", i%5) + `":1,`)
	}
	for name, text := range map[string]string{
		"arrays":     `2` + strings.Repeat("[", 400_000),
		"objects":    `2["a",` + strings.Repeat(`{"a":`, 150_000),
		"elements":   `2["a"` + strings.Repeat(",0", 450_000) + `]`,
		"inner":      `2["a",[0` + strings.Repeat(",0", 450_000) + `]]`,
		"names":      `2["a",{` + keys.String() + `"z":1}]`,
		"escapes":    `2["a","` + strings.Repeat(`\u0000`, 160_000) + `"]`,
		"event name": `2["` + strings.Repeat(`\u0000`, 160_000) + `"]`,
		"digits":     `2["a",` + strings.Repeat("9", 900_000) + `]`,
		"space":      `2["a",` + strings.Repeat(" ", 900_000) + `]`,
		"unclosed":   `2["a","` + strings.Repeat("b", 900_000),
		"binary":     `51-["a",[0` + strings.Repeat(",0", 450_000) + `]]`,
		"reuse":      `51-["a"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, 1000) + `]`,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			data, d := []byte(text), JSON().NewDecoder(Limits{})
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, _, _ = d.Add(data, false)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 5*uint64(len(text)) {
				t.Errorf("allocated %d bytes for %d", allocated, len(text))
			}
			if took > 10*time.Second { // a few milliseconds; where work grew with the square, minutes
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestScannerEndsAtTheEnd(t *testing.T) {
	// Each prefix of a valid text is refused, and never read beyond its end.
	text := []byte(`["a",{"b":[1.5e-3,true,null,"\u00e9é"]}]`)
	for n := range text {
		if ok, _ := accepts(text[:n:n], 10); ok {
			t.Errorf("%q accepted", text[:n])
		}
	}
}
