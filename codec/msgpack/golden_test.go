package msgpack

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/packet"
)

// recorded returns what socket.io-msgpack-parser 3.0.2 has written in Node.
func recorded(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/msgpack-parser.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct{ Case, Hex string }
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	cases := make(map[string]string)
	for _, row := range rows {
		cases[row.Case] = row.Hex
	}
	return cases
}

// TestDecodesTheReference reads what the reference writes.
func TestDecodesTheReference(t *testing.T) {
	cases := recorded(t)
	for name, want := range map[string]struct {
		kind      packet.Type
		namespace string
		id        int64
		event     string
		args      []any
	}{
		"client CONNECT no auth": {packet.Connect, "/", -1, "", nil},
		"client CONNECT auth":    {packet.Connect, "/chat", -1, "", []any{map[string]any{"token": "x"}}},
		"server CONNECT":         {packet.Connect, "/", -1, "", []any{map[string]any{"sid": "abc", "pid": nil}}},
		"server CONNECT pid":     {packet.Connect, "/", -1, "", []any{map[string]any{"sid": "abc", "pid": "p"}}},
		"EVENT":                  {packet.Event, "/", -1, "hello", []any{1.0, nil, nil}},
		"EVENT ack id":           {packet.Event, "/", 5, "hello", []any{}},
		"ACK":                    {packet.Ack, "/", 5, "", []any{"ok"}},
		"EVENT bin":              {packet.Event, "/", -1, "b", []any{[]byte{1, 2}, []byte{3}}},
		"CONNECT_ERROR":          {packet.ConnectError, "/", -1, "", []any{map[string]any{"message": "no", "data": nil}}},
		"DISCONNECT":             {packet.Disconnect, "/", -1, "", nil},
		"Date":                   {packet.Event, "/", -1, "d", []any{"2023-11-14T22:13:20.123Z"}},
		"client-side options key": {
			packet.Event, "/", -1, "x", []any{}},
	} {
		p := mustDecode(t, unhex(t, cases[name]))
		delete(cases, name)
		if p.Type != want.kind || p.Namespace != want.namespace || p.ID != want.id || p.Event != want.event || p.Args.Len() != len(want.args) {
			t.Errorf("%s: got %+v", name, p)
			continue
		}
		for i, arg := range want.args {
			if got, err := p.Args.Value(i); err != nil || !reflect.DeepEqual(got, arg) {
				t.Errorf("%s: argument %d is %#v, %v; want %#v", name, i, got, err, arg)
			}
		}
	}
	for name := range cases {
		t.Errorf("%s is not looked at", name)
	}
}

// TestWritesLikeTheReference holds the very bytes, but for what is undefined, which
// is left out.
func TestWritesLikeTheReference(t *testing.T) {
	cases := recorded(t)
	object := func(pairs ...string) []any {
		m := make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return []any{m}
	}
	for name, p := range map[string]packet.Outgoing{
		"client CONNECT auth": {Type: packet.Connect, Namespace: "/chat", ID: -1, Args: object("token", "x")},
		"server CONNECT pid": {Type: packet.Connect, ID: -1, Args: []any{struct {
			SID string `json:"sid"`
			PID string `json:"pid"`
		}{"abc", "p"}}},
		"EVENT ack id": {Type: packet.Event, ID: 5, Event: "hello"},
		"ACK":          {Type: packet.Ack, Namespace: "/", ID: 5, Args: []any{"ok"}},
		"DISCONNECT":   {Type: packet.Disconnect, ID: -1},
		"Date":         event("d", time.Date(2023, 11, 14, 22, 13, 20, 123_456_789, time.UTC)),
	} {
		if got := hex.EncodeToString(mustEncode(t, p)); got != cases[name] {
			t.Errorf("%s:\n got %s\nwant %s", name, got, cases[name])
		}
	}
	for name, c := range map[string]struct {
		p    packet.Outgoing
		want string
	}{
		"CONNECT":        {packet.Outgoing{Type: packet.Connect, ID: 3}, "82 a474797065 00 a36e7370 a12f"},
		"ACK of 0":       {packet.Outgoing{Type: packet.Ack, Namespace: "/a", ID: 0}, "84 a26964 00 a474797065 03 a464617461 90 a36e7370 a22f61"},
		"a great id":     {packet.Outgoing{Type: packet.Event, ID: 300, Event: "a"}, "84 a474797065 02 a464617461 91 a161 a26964 cd012c a36e7370 a12f"},
		"CONNECT_ERROR":  {packet.Outgoing{Type: packet.ConnectError, ID: -1, Args: object("message", "no")}, "83 a474797065 04 a464617461 81 a76d657373616765 a26e6f a36e7370 a12f"},
		"EVENT bin":      {event("b", []byte{1, 2}), "83 a474797065 02 a464617461 92 a162 c4020102 a36e7370 a12f"},
		"sixteen values": {event("b", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), "83 a474797065 02 a464617461 dc0010 a162 0102030405060708090a0b0c0d0e0f a36e7370 a12f"},
	} {
		if got := hex.EncodeToString(mustEncode(t, c.p)); got != hex.EncodeToString(unhex(t, c.want)) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}
