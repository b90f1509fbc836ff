package packet

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// event is an outgoing event without an ack id.
func event(name string, args ...any) Outgoing {
	return Outgoing{Type: Event, Namespace: "/", ID: NoID, Event: name, Args: args}
}

func TestEncode(t *testing.T) {
	type shape struct {
		A int    `json:"a"`
		B string `json:"b,omitempty"`
		C []int  `json:"c,omitzero"`
	}
	value := shape{A: 1}
	for _, c := range []struct {
		packet Outgoing
		want   string
	}{
		{Outgoing{Type: Connect, ID: NoID, Args: []any{map[string]string{"sid": "x"}}}, `0{"sid":"x"}`},
		{Outgoing{Type: Connect, Namespace: "/chat", Args: []any{map[string]string{"sid": "x"}}}, `0/chat,{"sid":"x"}`},
		{Outgoing{Type: Connect}, `0`},
		{Outgoing{Type: Disconnect, Namespace: "/"}, `1`},
		{Outgoing{Type: Disconnect, Namespace: "/chat"}, `1/chat,`},
		{Outgoing{Type: ConnectError, Namespace: "/x?y=1", Args: []any{shape{}}}, `4/x?y=1,{"a":0}`},
		{Outgoing{Type: Ack, ID: 12, Args: []any{"ok", nil}}, `312["ok",null]`},
		{Outgoing{Type: Ack, ID: 0}, `30[]`},
		{Outgoing{Type: Event, Namespace: "/chat", ID: 0, Event: "a"}, `2/chat,0["a"]`},
		{event("a"), `2["a"]`},
		{event("a \"b\"\n", "<é\u2028😀>"), "2[\"a \\\"b\\\"\\n\",\"<é\u2028😀>\"]"},
		{event("a", true, 1, int64(math.MinInt64), uint64(math.MaxUint64), 1.5, float32(0.1), 1e21), `2["a",true,1,-9223372036854775808,18446744073709551615,1.5,0.1,1e+21]`},
		{event("a", value, &value, (*shape)(nil), []shape{value}), `2["a",{"a":1},{"a":1},null,[{"a":1}]]`},
		{event("a", []string(nil), map[string]int(nil)), `2["a",[],{}]`},
		{event("a", map[string]any{"z": 1, "a": []any{nil, "x"}, "m": 0.5}), `2["a",{"a":[null,"x"],"m":0.5,"z":1}]`},
		{event("a", jsontext.Value(`{"x":1,"x":2}`), stdjson.RawMessage(`[1]`)), `2["a",{"x":1,"x":2},[1]]`},
		{event("a", time.Unix(0, 0).UTC(), net.IPv4(1, 2, 3, 4)), `2["a","1970-01-01T00:00:00Z","1.2.3.4"]`},
		{event("a", stdjson.Number("1e400"), []any{stdjson.Number("")}, map[stdjson.Number]stdjson.Number{"1": "-1"}), `2["a",1e400,[0],{"1":-1}]`},
		{event("a", [3]byte{1, 2, 3}), `2["a","AQID"]`},
	} {
		out, err := JSON().Encode([]byte("4"), c.packet)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		if got := string(out.Head); got != "4"+c.want || out.Binary || out.Attachments != nil {
			t.Errorf("got %s, want 4%s", got, c.want)
		}
	}
}

type (
	blob     []byte
	octet    byte
	textual  []byte
	embedded struct{ Inner []byte }
	holder   struct {
		embedded
		Named  blob              `json:"named"`
		Any    any               `json:"any"`
		Map    map[string][]byte `json:"map"`
		List   [2][]byte         `json:"list"`
		Next   *holder           `json:"next,omitempty"`
		Absent []byte            `json:"absent,omitempty"`
		Zero   []byte            `json:"zero,omitzero"`
		secret []byte
	}
	streamer struct{ data []byte }
	opaque   struct{ Data []byte }
)

func (textual) MarshalText() ([]byte, error) { return []byte("text"), nil }

func (o opaque) MarshalJSON() ([]byte, error) { return stdjson.Marshal(o.Data) }

func (s streamer) MarshalJSONTo(enc *jsontext.Encoder) error { return json.MarshalEncode(enc, s.data) }

func TestEncodeBinary(t *testing.T) {
	ph := func(n int) string { return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, n) }
	one, two := []byte("one"), []byte("two")
	named := blob("named")
	for name, c := range map[string]struct {
		args  []any
		want  string
		files []string
	}{
		"argument":     {[]any{one}, `51-["a",` + ph(0) + `]`, []string{"one"}},
		"two":          {[]any{one, 1, two}, `52-["a",` + ph(0) + `,1,` + ph(1) + `]`, []string{"one", "two"}},
		"empty":        {[]any{[]byte{}}, `51-["a",` + ph(0) + `]`, []string{""}},
		"nil":          {[]any{[]byte(nil), blob(nil)}, `2["a",null,null]`, nil},
		"pointer":      {[]any{&one, (*[]byte)(nil)}, `51-["a",` + ph(0) + `,null]`, []string{"one"}},
		"named":        {[]any{named, &named}, `52-["a",` + ph(0) + `,` + ph(1) + `]`, []string{"named", "named"}},
		"list of any":  {[]any{[]any{"x", one, []any{two}}}, `52-["a",["x",` + ph(0) + `,[` + ph(1) + `]]]`, []string{"one", "two"}},
		"map of any":   {[]any{map[string]any{"b": named, "a": map[string]any{"c": one}}}, `52-["a",{"a":{"c":` + ph(0) + `},"b":` + ph(1) + `}]`, []string{"one", "named"}},
		"map of bytes": {[]any{map[int][]byte{1: one}}, `51-["a",{"1":` + ph(0) + `}]`, []string{"one"}},
		"dynamic":      {[]any{struct{ X any }{struct{ Y any }{&named}}}, `51-["a",{"X":{"Y":` + ph(0) + `}}]`, []string{"named"}},
		"error value":  {[]any{[]fmt.Stringer{nil}}, `2["a",[null]]`, nil},
		"array":        {[]any{[]([2]byte){{1, 2}}, [2]blob{one, two}}, `52-["a",["AQI="],[` + ph(0) + `,` + ph(1) + `]]`, []string{"one", "two"}},
		"named bytes":  {[]any{[]octet{1, 2}}, `2["a",[1,2]]`, nil},
		"own encoding": {[]any{textual("x"), opaque{one}, []any{textual("y")}, jsontext.Value("1")}, `2["a","text","b25l",["text"],1]`, nil},
		"own encoding beside binary": {
			[]any{[]any{textual("x"), one, opaque{two}, jsontext.Value("1"), net.IPv4(1, 2, 3, 4)}},
			`51-["a",["text",` + ph(0) + `,"dHdv",1,"1.2.3.4"]]`,
			[]string{"one"},
		},
		"own stream": {[]any{streamer{one}}, `51-["a",` + ph(0) + `]`, []string{"one"}},
		"struct": {
			[]any{holder{embedded: embedded{one}, Named: named, Any: []any{two}, Map: map[string][]byte{"k": one}, Next: &holder{}, Absent: []byte{}, secret: two}},
			`55-["a",{"Inner":` + ph(0) + `,"named":` + ph(1) + `,"any":[` + ph(2) + `],"map":{"k":` + ph(3) + `},"list":[null,null],` +
				`"next":{"Inner":null,"named":null,"any":null,"map":{},"list":[null,null]},"absent":` + ph(4) + `}]`,
			[]string{"one", "named", "two", "one", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := JSON().Encode(nil, event("a", c.args...))
			if err != nil {
				t.Fatal(err)
			}
			if c.files != nil && len(out.Attachments) != len(c.files) {
				t.Fatalf("%d attachments for %s", len(out.Attachments), out.Head)
			}
			if string(out.Head) != c.want {
				t.Errorf("got  %s\nwant %s", out.Head, c.want)
			}
			for i, want := range c.files {
				if string(out.Attachments[i]) != want {
					t.Errorf("attachment %d is %q, want %q", i, out.Attachments[i], want)
				}
			}
		})
	}
}

func TestEncodeBinaryAck(t *testing.T) {
	p := Outgoing{Type: Ack, Namespace: "/chat", ID: 7, Args: []any{[]byte("x")}}
	out, err := JSON().Encode([]byte("frame4"), p)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.Head), `frame461-/chat,7[{"_placeholder":true,"num":0}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type (
	cyclic    struct{ Next *cyclic }
	panicking struct{}
	failing   struct{}
)

func (panicking) MarshalJSON() ([]byte, error) { panic("ouch") }
func (failing) MarshalJSON() ([]byte, error)   { return nil, errFailing }

var errFailing = errors.New("it failed")

func TestEncodeErrors(t *testing.T) {
	ring := &cyclic{}
	ring.Next = ring
	loop := map[string]any{}
	loop["a"] = []any{loop, loop}
	wide := make([]any, 1000)
	for i := range wide {
		wide[i] = wide
	}
	many := make([]any, 11)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	for name, c := range map[string]struct {
		packet Outgoing
		want   string
	}{
		"NaN":             {event("a", math.NaN()), "argument 0"},
		"infinity":        {event("a", 1, []float64{math.Inf(1)}), "argument 1"},
		"channel":         {event("a", make(chan int)), "chan int"},
		"duration":        {event("a", time.Second), "Duration"},
		"ring":            {event("a", ring), "cycle"},
		"loop":            {event("a", loop), "cycle"},
		"wide loop":       {event("a", wide), "cycle"},
		"invalid UTF-8":   {event("a", "\xff"), "UTF-8"},
		"inner UTF-8":     {event("a", []string{"\xff"}), "UTF-8"},
		"name":            {event("\xff"), "event name"},
		"panic":           {event("a", panicking{}), "ouch"},
		"panic in binary": {event("a", []any{[]byte("x"), panicking{}}), "ouch"},
		"failing":         {event("a", failing{}), "it failed"},
		"number":          {event("a", stdjson.Number(`"x"`)), "not a number"},
		"number tail":     {event("a", stdjson.Number(`1,2`)), "argument 0"},
		"raw":             {event("a", jsontext.Value(`{`)), "argument 0"},
		"attachments":     {event("a", many...), "more than 10 binary values"},
		"connect list":    {Outgoing{Type: Connect, Args: []any{[]int{1}}}, "must be an object"},
		"connect two":     {Outgoing{Type: Connect, Args: []any{struct{}{}, 1}}, "must be an object"},
		"connect null":    {Outgoing{Type: ConnectError, Args: []any{nil}}, "must be an object"},
		"connect binary":  {Outgoing{Type: Connect, Args: []any{[]byte("x")}}, "without binary"},
		"disconnect":      {Outgoing{Type: Disconnect, Args: []any{1}}, "no arguments"},
		"type":            {Outgoing{Type: BinaryEvent}, "BINARY_EVENT"},
		"namespace":       {Outgoing{Namespace: "/a,b"}, "no comma"},
		"no slash":        {Outgoing{Namespace: "chat"}, "slash"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := JSON().Encode(nil, c.packet)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if out.Head != nil || out.Attachments != nil {
				t.Errorf("got %+v with the error", out)
			}
		})
	}
	if _, err := JSON().Encode(nil, event("a", failing{})); !errors.Is(err, errFailing) {
		t.Errorf("the user's error is not wrapped: %v", err)
	}
	if _, err := (JSONCodec{MaxAttachments: 11}).Encode(nil, event("a", many...)); err != nil {
		t.Errorf("with a raised limit: %v", err)
	}
	if out, err := JSON().Encode(nil, event("a", []byte("x"))); err != nil || len(out.Attachments) != 1 {
		t.Errorf("after errors: %d attachments, %v", len(out.Attachments), err)
	}
}

// TestEncodeConcurrently looks for state that packets share by mistake; values
// are shared on purpose.
func TestEncodeConcurrently(t *testing.T) {
	codec := JSON()
	shared := map[string]any{"list": []any{blob("shared"), "x"}}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 200 {
				mine := fmt.Sprintf("%d-%d", g, i)
				out, err := codec.Encode(nil, event("a", []byte(mine), shared, mine))
				if err != nil {
					t.Error(err)
					return
				}
				want := `52-["a",{"_placeholder":true,"num":0},{"list":[{"_placeholder":true,"num":1},"x"]},"` + mine + `"]`
				if string(out.Head) != want || string(out.Attachments[0]) != mine || string(out.Attachments[1]) != "shared" {
					t.Errorf("got %s with %q", out.Head, out.Attachments)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestReserved(t *testing.T) {
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		if !Reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"", "connection", "Connect", "error", "message"} {
		if Reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}
