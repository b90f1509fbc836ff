package packet

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// feed gives messages to a decoder until one is refused: "BIN" stands for a binary
// one.
func feed(d Decoder, messages []string) (p Incoming, complete bool, err error) {
	for _, m := range messages {
		if m == "BIN" {
			p, complete, err = d.Add([]byte{1, 2, 3}, true)
		} else {
			p, complete, err = d.Add([]byte(m), false)
		}
		if err != nil {
			return p, complete, err
		}
	}
	return p, complete, nil
}

// TestGolden replays what was recorded from the reference implementation.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Case, Error, Type, Namespace string
		Send                         []string
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			p, complete, err := feed(JSON().NewDecoder(Limits{}), c.Send)
			if c.Error != "" {
				if err == nil || err.Error() != c.Error {
					t.Fatalf("got error %v, want %v", err, c.Error)
				}
				return
			}
			if err != nil || !complete {
				t.Fatalf("complete %v, error %v", complete, err)
			}
			if p.Type.String() != c.Type || c.Namespace != "" && p.Namespace != c.Namespace {
				t.Errorf("got %v of %q", p.Type, p.Namespace)
			}
		})
	}
}

// The space behind a payload is none of it.
func TestDecodeSpaceBehind(t *testing.T) {
	for _, text := range []string{`4"text"`, "4 \"text\"\r\n", "2[\"a\", \"text\"\t] ", `3[ "text" ] `} {
		p, complete, err := JSON().NewDecoder(Limits{}).Add([]byte(text), false)
		if v, bound := p.Args.Value(0); err != nil || !complete || v != "text" || bound != nil {
			t.Errorf("%q: %q, %v, %v", text, v, bound, err)
		}
	}
}

func TestDecode(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		send      string
		kind      Type
		namespace string
		id        int64
		event     string
		args      []string
	}{
		{`0`, Connect, "/", NoID, "", nil},
		{`0{}`, Connect, "/", NoID, "", []string{`{}`}},
		{`0/chat,{"token":1} `, Connect, "/chat", NoID, "", []string{`{"token":1}`}},
		{`0/,`, Connect, "/", NoID, "", nil},
		{`1/chat,`, Disconnect, "/chat", NoID, "", nil},
		{`1/chat`, Disconnect, "/chat", NoID, "", nil},
		{`2`, Event, "/", NoID, "", nil},
		{`3`, Ack, "/", NoID, "", nil},
		{`3[]`, Ack, "/", NoID, "", nil},
		{`3[1]`, Ack, "/", NoID, "", []string{"1"}},
		{`30["connect"]`, Ack, "/", 0, "", []string{`"connect"`}},
		{`4"nope"`, ConnectError, "/", NoID, "", []string{`"nope"`}},
		{`4{"message":"nope"}`, ConnectError, "/", NoID, "", []string{`{"message":"nope"}`}},
		{`2["a"]`, Event, "/", NoID, "a", nil},
		{`2["connection"]`, Event, "/", NoID, "connection", nil},
		{`2[""]`, Event, "/", NoID, "", nil},
		{`2[-1.5e3,null]`, Event, "/", NoID, "-1.5e3", []string{"null"}},
		{`2["caf\u00e9\n"]`, Event, "/", NoID, "café\n", nil},
		{`2["\ud83d"]`, Event, "/", NoID, "\ufffd", nil},
		{`2["é😀","é😀"]`, Event, "/", NoID, "é😀", []string{`"é😀"`}},
		{`2/chat,12["a", 1 ,{"b":[]}]`, Event, "/chat", 12, "a", []string{"1", `{"b":[]}`}},
		{`2/chat?x=1,["a"]`, Event, "/chat?x=1", NoID, "a", nil},
		{` 2["a"]`[1:], Event, "/", NoID, "a", nil},
		{"2 [ \"a\" ,\t1\r\n] ", Event, "/", NoID, "a", []string{"1"}},
		{`29007199254740991["a",9007199254740993]`, Event, "/", MaxID, "a", []string{"9007199254740993"}},
		{`2["a",{"a":1,"a":2,"__proto__":3}]`, Event, "/", NoID, "a", []string{`{"a":1,"a":2,"__proto__":3}`}},
		{`2["a",{"_placeholder":true,"num":7}]`, Event, "/", NoID, "a", []string{`{"_placeholder":true,"num":7}`}},
		{`2["a",` + deep(999) + `]`, Event, "/", NoID, "a", []string{deep(999)}},
		{`2[1` + strings.Repeat(",1", 1023) + `]`, Event, "/", NoID, "1", strings.Split(strings.Repeat("1", 1023), "")},
		{`0/` + strings.Repeat("n", 511), Connect, "/" + strings.Repeat("n", 511), NoID, "", nil},
	} {
		p, complete, err := JSON().NewDecoder(Limits{}).Add([]byte(c.send), false)
		if err != nil || !complete {
			t.Errorf("%.60q: complete %v, error %v", c.send, complete, err)
			continue
		}
		if p.Type != c.kind || p.Namespace != c.namespace || p.ID != c.id || p.Event != c.event {
			t.Errorf("%.60q: got %v %q %d %q", c.send, p.Type, p.Namespace, p.ID, p.Event)
		}
		checkRaw(t, p.Args, c.args)
	}
}

func checkRaw(t *testing.T, args Args, want []string) {
	t.Helper()
	if args.Len() != len(want) {
		t.Fatalf("got %d arguments, want %d", args.Len(), len(want))
	}
	for i, w := range want {
		if got := string(args.Raw(i)); got != w {
			t.Errorf("argument %d: got %q, want %q", i, got, w)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		want Error
		send []string
	}{
		{"unknown packet type NaN", []string{``, `x`, ` 2["a"]`, `é`, "\xff"}},
		{"unknown packet type 7", []string{`7`, `7["a"]`}},
		{ErrInvalidPayload, []string{
			`0[]`, `0"x"`, `0{`, `0null`, `01`[:1] + `1.5`, `0{}x`, `1{}`, `1[]`, `1null`, `4[]`, `41.5`, `4null`,
			`2[]`, `2[null]`, `2[true]`, `2[{}]`, `2[["a"]]`, `2{}`, `2"a"`, `2null`, `2["a"`, `2["a",]`, `2[,"a"]`, `2["a" 1]`,
			`2["a"]x`, `2["echo",2]xyz`, `2["echo",2]["echo",3]`, `2["echo",2],`, `2["a",NaN]`, `2["a",Infinity]`,
			`2["a",-]`, `2["a",01]`, `2["a",+1]`, `2["a",1.]`, `2["a",.5]`, `2["a",1e]`, `2["a",0x1]`, `2["a",tru]`, `2["a",nul]`,
			`2["a",'b']`, `2["a",{b:1}]`, `2["a",{"b"}]`, `2["a",{"b":}]`, `2["a",{"b":1,}]`, `2["a",{,}]`, `2["a",{]]`, `2["a",[}]`,
			`2["a",[1,]]`, `2["\x"]`, `2["\u12g4"]`, `2["\u12"]`, `2["`, `2["\`, "2[\"\n\"]", "2[\"\x00\"]", "2[\"\x1f\"]", "2[\"\xff\"]", "2[\"\xed\xa0\x80\"]",
			"2[\"a\"]\x00", "2\ufeff[\"a\"]", `2-1["a"]`, `2null["a"]`,
			`2["connect"]`, `2["connect_error"]`, `2["disconnect"]`, `2["disconnecting"]`, `2["newListener"]`, `2["removeListener"]`,
			`2["c\u006fnnect"]`, `51-["connect"]`, `51-`, `61-`, `51-/chat,`, `3{}`, `3null`, `31"a"`,
		}},
		{ErrAttachmentCount, []string{
			`5`, `51`, `5-["a"]`, `50-["a"]`, `51e3-["a"]`, `50x1-["a"]`, `5+1-["a"]`, `5 1-["a"]`, `501-["a"]`, `5-1-["a"]`, `51.0-["a"]`,
			`5["a"]`, `6[]`, `51["a"]`, `5١-["a"]`,
		}},
		{ErrTooManyAttachments, []string{`511-["a"]`, `61000-[]`, `5` + strings.Repeat("9", 900_000) + `-["a"]`}},
		{ErrID, []string{`29007199254740992["a"]`, `318446744073709551616[]`, `2` + strings.Repeat("9", 900_000) + `["a"]`}},
		{ErrNamespace, []string{`0/` + strings.Repeat("n", 512), `0/` + strings.Repeat("n", 900_000) + `,`, "0/\xff,"}},
		{ErrTooManyArgs, []string{`2[1` + strings.Repeat(",1", 1024) + `]`, `2["a"` + strings.Repeat(",0", 450_000) + `]`}},
		{ErrTooDeep, []string{`2["a",` + deep(1000) + `]`, `2["a",` + deep(9_999) + `]`, `2["a",` + strings.Repeat(`{"a":`, 150_000), `2` + strings.Repeat("[", 400_000)}},
		{ErrPlaceholder, []string{
			`51-["a",{"_placeholder":true,"num":1}]`, `51-["a",{"_placeholder":true,"num":-1}]`, `51-["a",{"_placeholder":true,"num":"0"}]`,
			`51-["a",{"_placeholder":true,"num":0.5}]`, `51-["a",{"_placeholder":true}]`, `51-["a",{"_placeholder":true,"num":null}]`,
			`51-["a",{"b":[{"_placeholder":true,"num":9}]}]`, `51-["a",{"\u005fplaceholder":true,"num":9}]`, `61-[{"num":9,"_placeholder":true}]`,
			`51-["a",{"_placeholder":true,"num":0,"more":1}]`, `51-["a",{"_placeholder":true,"num":9007199254740993000}]`,
			`51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`,
			`51-["a",{"_placeholder":true,"num":0},{"num":0,"_placeholder":true}]`,
			`51-["a",{"_placeholder":true,"num":[0]}]`, `51-["a",{"_placeholder":true,"num":0,"num":5}]`,
		}},
	} {
		for _, send := range c.send {
			_, complete, err := JSON().NewDecoder(Limits{}).Add([]byte(send), false)
			if err != c.want || complete {
				t.Errorf("%.60q: got %v, want %v", send, err, c.want)
			}
		}
	}
}

func TestDecodeAttachments(t *testing.T) {
	d := JSON().NewDecoder(Limits{})
	for round := range 2 {
		data := []byte(`52-/chat,7["a",{"_placeholder":true,"num":1},[{"num":0,"_placeholder":true}]]`)
		first := []byte("first")
		if _, complete, err := d.Add(data, false); err != nil || complete || !d.Pending() {
			t.Fatal(round, complete, err, d.Pending())
		}
		clear(data) // as a read buffer that goes back to its pool
		if _, complete, err := d.Add(first, true); err != nil || complete || !d.Pending() {
			t.Fatal(round, complete, err, d.Pending())
		}
		clear(first)
		p, complete, err := d.Add(nil, true)
		if err != nil || !complete || d.Pending() {
			t.Fatal(round, complete, err, d.Pending())
		}
		if p.Type != Event || p.Namespace != "/chat" || p.ID != 7 || p.Event != "a" || p.Args.Len() != 2 {
			t.Fatalf("got %+v", p)
		}
		var empty []byte
		var list [][]byte
		if err := errors.Join(p.Args.Bind(0, &empty), p.Args.Bind(1, &list)); err != nil {
			t.Fatal(err)
		}
		if empty == nil || len(empty) != 0 || string(list[0]) != "first" {
			t.Errorf("got %v and %q", empty, list)
		}
		if size := p.Args.Size(); size < len("first")+40 || size > 300 {
			t.Errorf("size %d", size)
		}
	}
}

func TestDecodeAttachmentBytes(t *testing.T) {
	d := JSON().NewDecoder(Limits{AttachmentBytes: 5})
	if _, _, err := feed(d, []string{`53-["a"]`, "BIN"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Add([]byte("abc"), true); err != ErrAttachmentBytes {
		t.Errorf("got %v", err)
	}
}

func TestLimits(t *testing.T) {
	want := Limits{Attachments: 10, AttachmentBytes: 10_000_000, Depth: 1000, Args: 1024, NamespaceLength: 512}
	if got := (Limits{Depth: -1}).Default(); got != want {
		t.Errorf("got %+v", got)
	}
	d := JSON().NewDecoder(Limits{Attachments: 1, Depth: 2, Args: 2, NamespaceLength: 2})
	for send, want := range map[string]error{
		`51-["a"]`: nil, `2/a,["a",[]]`: nil, `0{"a":{}}`: nil,
		`52-["a"]`: ErrTooManyAttachments, `2["a",[[]]]`: ErrTooDeep, `2["a",1,2]`: ErrTooManyArgs, `2/ab,["a"]`: ErrNamespace,
		`0{"a":{"b":[]}}`: ErrTooDeep,
	} {
		if _, _, err := d.Add([]byte(send), false); err != want {
			t.Errorf("%s: got %v, want %v", send, err, want)
		}
		if d.Pending() {
			_, _, _ = d.Add(nil, true)
		}
	}
}

func TestDecodeOwnsItsMemory(t *testing.T) {
	d := JSON().NewDecoder(Limits{})
	data := []byte(`2/chat,["name","one","two"]`)
	p, _, err := d.Add(data, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] = '#'
	}
	if p.Namespace != "/chat" || p.Event != "name" || string(p.Args.Raw(0)) != `"one"` || string(p.Args.Raw(1)) != `"two"` {
		t.Errorf("got %+v", p)
	}
}

func TestTypeString(t *testing.T) {
	var names []string
	for kind := range BinaryAck + 2 {
		names = append(names, kind.String())
	}
	want := "CONNECT DISCONNECT EVENT ACK CONNECT_ERROR BINARY_EVENT BINARY_ACK Type(" + strconv.Itoa(7) + ")"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s", got)
	}
}

// An attachment stands in one place, also where there are very many.
func TestPlaceholdersOfManyAttachments(t *testing.T) {
	for _, row := range []struct {
		last string
		want error
	}{{"199", nil}, {"70", ErrPlaceholder}, {"3", ErrPlaceholder}, {"0199", ErrInvalidPayload}} {
		text := `5200-["a"`
		for i := range 199 {
			text += fmt.Sprintf(`,{"_placeholder":true,"num":%d}`, i)
		}
		text += `,{"_placeholder":true,"num":` + row.last + `}]`
		d := JSON().NewDecoder(Limits{Attachments: 200})
		if _, _, err := d.Add([]byte(text), false); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.last, err)
		}
	}
}
