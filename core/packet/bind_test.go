package packet

import (
	stdjson "encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ph stands for {"_placeholder":true,"num":n} in the texts of this file: \0, \1.
func ph(text string) string {
	for n := range 3 {
		text = strings.ReplaceAll(text, fmt.Sprintf(`\%d`, n), fmt.Sprintf(`{"_placeholder":true,"num":%d}`, n))
	}
	return text
}

func TestBind(t *testing.T) {
	type message struct {
		Room string `json:"room"`
		N    *int   `json:"n"`
	}
	seven := 7
	for _, c := range []struct {
		arg  string
		want any // the type is what is bound into
	}{
		{`"caf\u00e9"`, "café"},
		{`"\ud83d cut"`, "\ufffd cut"},
		{`9007199254740993`, int64(9007199254740993)},
		{`18446744073709551615`, uint64(math.MaxUint64)},
		{`9007199254740993`, float64(9007199254740992)},
		{`true`, true},
		{`{"room":"a","n":7,"other":[]}`, message{"a", &seven}},
		{`{"Room":"a","N":7}`, message{"a", &seven}},
		{`{"room":null}`, message{}},
		{`[1,"a",null]`, []any{1.0, "a", nil}},
		{`{"a":{"b":[]}}`, map[string]any{"a": map[string]any{"b": []any{}}}},
		{`"AQID"`, []byte{1, 2, 3}},
		{`"AQID"`, blob{1, 2, 3}},
		{`null`, []byte(nil)},
		{`null`, (*int)(nil)},
		{`"AQID"`, [3]byte{1, 2, 3}},
		{`[1,2]`, []octet{1, 2}},
		{`{"_placeholder":true,"num":0}`, map[string]any{"_placeholder": true, "num": 0.0}},
		{`{ "a" :1,"b":2}`, jsontext.Value(`{ "a" :1,"b":2}`)},
		{`[1 ]`, stdjson.RawMessage(`[1 ]`)},
		{`9007199254740993`, stdjson.Number("9007199254740993")},
		{`[1e400,"2",null]`, []stdjson.Number{"1e400", "2", ""}},
		{`{"N":1,"A":{"_placeholder":true,"num":0}}`, numbered{"1", map[string]any{"_placeholder": true, "num": 0.0}}},
		{`{"1":2}`, map[stdjson.Number]stdjson.Number{"1": "2"}},
		{`"2020-01-02T03:04:05Z"`, time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)},
	} {
		p := mustDecode(t, `2["a",`+c.arg+`]`)
		into := reflect.New(reflect.TypeOf(c.want))
		if err := p.Args.Bind(0, into.Interface()); err != nil {
			t.Errorf("%s into %T: %v", c.arg, c.want, err)
		} else if got := into.Elem().Interface(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", c.arg, got, c.want)
		}
	}
}

type numbered struct {
	N stdjson.Number
	A any
}

type anything interface{}

func TestBindBinary(t *testing.T) {
	zero, one, two := []byte("zero"), []byte("one"), []byte("two")
	type file struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	for _, c := range []struct {
		arg  string
		want any
	}{
		{`\0`, zero},
		{`\1`, blob(one)},
		{`[\0,\1,\2]`, [][]byte{zero, one, two}},
		{`[\0,null,"AQI="]`, []blob{zero, nil, {1, 2}}},
		{`{"name":"x","data":\1}`, file{"x", one}},
		{`{"name":"x","data":"AQI="}`, file{"x", []byte{1, 2}}},
		{`{"a":[{"name":"x","data":\1}]}`, map[string][]*file{"a": {{"x", one}}}},
		{`{"num":2,"_placeholder":true}`, two},
		{"{ \"\\u005fplaceholder\" : true , \"num\" : 2 }", two},
		{`[\0,{"a":\1,"b":[\2,"x",null,1.5,true,{}]}]`, []any{zero, map[string]any{"a": one, "b": []any{two, "x", nil, 1.5, true, map[string]any{}}}}},
		{`{"a":\0,"b":{"c":\1}}`, map[string]any{"a": zero, "b": map[string]any{"c": one}}},
		{`{"X":\0,"Y":[\1],"Z":null}`, struct{ X, Y, Z any }{zero, []any{one}, nil}},
		{`{"X":\0,"Y":null}`, struct{ X, Y anything }{zero, nil}},
		{`{"_placeholder":false,"num":0}`, map[string]any{"_placeholder": false, "num": 0.0}},
		{`\1`, jsontext.Value(ph(`\1`))},
		{`{"holder":{"any":\1,"map":{"k":\2},"list":[\0,null],"next":{"named":null}}}`, map[string]holder{"holder": {
			Any: one, Map: map[string][]byte{"k": two}, List: [2][]byte{zero, nil}, Next: &holder{}}}},
	} {
		p := mustDecode(t, `53-["a",`+ph(c.arg)+`]`, zero, one, two)
		into := reflect.New(reflect.TypeOf(c.want))
		if err := p.Args.Bind(0, into.Interface()); err != nil {
			t.Errorf("%s into %T: %v", c.arg, c.want, err)
		} else if got := into.Elem().Interface(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, want %#v", c.arg, got, c.want)
		}
		var v any
		if err := p.Args.Bind(0, &v); err != nil {
			t.Errorf("%s into any: %v", c.arg, err)
		}
	}
}

// TestBindShares holds that an attachment is not copied, however often it is bound,
// and that appending to one value does not reach the others.
func TestBindShares(t *testing.T) {
	data := make([]byte, 1000)
	p := mustDecode(t, ph(`51-["a",[\0]]`), data)
	var list, again [][]byte
	if err := p.Args.Bind(0, &list); err != nil || len(list) != 1 {
		t.Fatal(len(list), err)
	}
	if err := p.Args.Bind(0, &again); err != nil || &list[0][0] != &again[0][0] {
		t.Error("an attachment was copied", err)
	}
	if cap(list[0]) != len(list[0]) {
		t.Errorf("capacity %d", cap(list[0]))
	}
	v, err := p.Args.Value(0)
	if err != nil || &v.([]any)[0].([]byte)[0] != &list[0][0] {
		t.Error("an attachment was copied into an any", err)
	}
}

// TestBindInto holds that a pointer within an any is bound into, as without
// binary.
func TestBindInto(t *testing.T) {
	p := mustDecode(t, ph(`51-["a",{"Inner":\0}]`), []byte("x"))
	var e embedded
	into := any(&e)
	if err := p.Args.Bind(0, &into); err != nil || string(e.Inner) != "x" {
		t.Errorf("got %q, %v", e.Inner, err)
	}
	if b := binders.Get().(*binder); b.attachments != nil {
		t.Error("a pooled binder holds on to attachments")
	}
}

type hostile struct{}

func (*hostile) UnmarshalJSON([]byte) error { panic("ouch") }

func TestBindErrors(t *testing.T) {
	for _, c := range []struct {
		arg  string
		into any
		want []string
	}{
		{`"x"`, new(int), []string{"argument 0", "JSON string", "int"}},
		{`{"a":["x"]}`, new(map[string][]int), []string{"/a/0", "JSON string", "int"}},
		{`1.5`, new(int), []string{"1.5"}},
		{`300`, new(int8), []string{"int8"}},
		{`1e400`, new(any), []string{"range"}},
		{`[{"a":-1e400}]`, new(any), []string{"range"}},
		{`1e400`, new(float64), []string{"range"}},
		{`{"a":1,"a":2}`, new(any), []string{"duplicate"}},
		{`{"a":{"b":1,"b":2}}`, new(map[string]any), []string{"duplicate"}},
		{`{}`, new([]byte), []string{"argument 0"}},
		{`"not base64"`, new([]byte), []string{"base64"}},
		{`1`, new(hostile), []string{"ouch"}},
		{`1`, 1, []string{"pointer"}},
		{`1`, nil, []string{"argument 0"}},
		{`1`, (*int)(nil), []string{"nil"}},
		{`1`, new(chan int), []string{"chan int"}},
		{`1`, new(fmt.Stringer), []string{"Stringer"}},
	} {
		for _, binary := range []bool{false, true} {
			p := mustDecode(t, `2["a",`+c.arg+`]`)
			if binary {
				p = mustDecode(t, `51-["a",`+c.arg+`]`, []byte("x"))
			}
			err := p.Args.Bind(0, c.into)
			if err == nil {
				t.Errorf("%s into %T: no error (binary %v)", c.arg, c.into, binary)
				continue
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s into %T: %q lacks %q (binary %v)", c.arg, c.into, err, want, binary)
				}
			}
		}
	}
}

func TestBindMissing(t *testing.T) {
	for _, args := range []Args{{}, mustDecode(t, `2["a",1]`).Args, mustDecode(t, `2["a",1,2]`).Args} {
		for _, i := range []int{-1, args.Len()} {
			var v any
			if err := args.Bind(i, &v); err == nil || !strings.Contains(err.Error(), "missing") {
				t.Errorf("argument %d of %d: %v", i, args.Len(), err)
			}
			if _, err := args.Value(i); err == nil || args.Raw(i) != nil {
				t.Errorf("argument %d of %d: %v, %q", i, args.Len(), err, args.Raw(i))
			}
		}
	}
}

func TestBindConcurrently(t *testing.T) {
	p := mustDecode(t, ph(`52-["a",{"x":[\0,"text\n",\1]},{"y":"text"}]`), []byte("zero"), []byte("one"))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				v, err := p.Args.Value(0)
				if got := fmt.Sprintf("%q", v); err != nil || got != `map["x":["zero" "text\n" "one"]]` {
					t.Errorf("got %s, %v", got, err)
					return
				}
				var m map[string]string
				if err := p.Args.Bind(1, &m); err != nil || m["y"] != "text" {
					t.Errorf("got %v, %v", m, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestBindStream holds that a type that decodes itself from a stream gets its
// binary too.
func TestBindStream(t *testing.T) {
	p := mustDecode(t, ph(`51-["a",[\0]]`), []byte("x"))
	var s streamed
	if err := p.Args.Bind(0, &s); err != nil || len(s.data) != 1 || string(s.data[0]) != "x" {
		t.Errorf("got %q, %v", s.data, err)
	}
}

type streamed struct{ data [][]byte }

func (s *streamed) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return json.UnmarshalDecode(dec, &s.data)
}

// TestForeignCodec uses Args as another package's codec would.
func TestForeignCodec(t *testing.T) {
	bind := func(raw []byte, attachments [][]byte, into any) error {
		*into.(*any) = string(raw) + string(attachments[0])
		return nil
	}
	args := NewArgs(bind, [][]byte{[]byte("a"), []byte("b")}, [][]byte{[]byte("!")})
	if v, err := args.Value(1); err != nil || v != "b!" || args.Len() != 2 || args.Size() < 3 {
		t.Errorf("got %v, %v", v, err)
	}
}
