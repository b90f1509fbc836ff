package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
)

// A recording is one thing that the reference's adapters did.
type recording struct {
	Section, Cmd, Text, Hex string
	Fields                  map[string]string
	Params                  []any
}

func recordings(t testing.TB, name string) (all []recording) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	// Some members are of another type elsewhere, where they are of no interest.
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A golden is a message as the reference has written it.
type golden struct {
	section string
	bytes   []byte
	kind    backplane.Kind // of data alone
}

// goldens are the envelopes and, of streams, the data.
func goldens(t testing.TB) (all []golden) {
	t.Helper()
	for _, name := range []string{"redis", "redis-streams", "postgres"} {
		for _, r := range recordings(t, name) {
			g := golden{section: name + " " + r.Section}
			switch {
			case strings.HasPrefix(r.Section, "classic"), strings.HasPrefix(r.Section, "redis-emitter"): // maps of their own
				continue
			case r.Text != "":
				g.bytes = []byte(r.Text)
			case r.Hex != "":
				g.bytes = unhex(t, r.Hex)
			case r.Fields != nil:
				kind, _ := strconv.Atoi(r.Fields["type"])
				g.kind, g.bytes = backplane.Kind(kind), []byte(r.Fields["data"])
				if g.bytes[0] != '{' {
					g.bytes, _ = base64.StdEncoding.DecodeString(r.Fields["data"])
				}
			case len(r.Params) == 2:
				g.bytes = []byte(r.Params[1].(string))
			case len(r.Params) == 1:
				if param, ok := r.Params[0].(map[string]any); ok && param["_hex"] != nil {
					g.bytes = unhex(t, param["_hex"].(string))
				}
			}
			if g.bytes != nil {
				all = append(all, g)
			}
		}
	}
	return all
}

// TestGolden reads what the reference has written, and writes it again.
func TestGolden(t *testing.T) {
	kinds := make(map[backplane.Kind]int)
	for _, g := range goldens(t) {
		if strings.Contains(string(g.bytes), "attachmentId") {
			if m, err := Decode(g.bytes, Limits{}); err == nil {
				t.Errorf("%s: %+v", g.section, m)
			}
			continue
		}
		m, again, err := reencode(g)
		if err != nil {
			t.Errorf("%s: %v: %s", g.section, err, g.bytes)
			continue
		}
		kinds[m.Kind]++
		switch {
		case m.Kind == backplane.FetchSocketsResponse:
			// The order of headers is that of the request, which we do not keep.
			if !same(t, g.bytes, again) {
				t.Errorf("%s:\n got %q\nwant %q", g.section, again, g.bytes)
			}
		case m.From == "emitter":
			if m.Namespace != "" { // the emitter for Postgres forgets it
				t.Errorf("%s: %+v", g.section, m)
			}
		case !bytes.Equal(again, g.bytes):
			t.Errorf("%s:\n got %q\nwant %q", g.section, again, g.bytes)
		}
	}
	for k := InitialHeartbeat; k <= backplane.NodeLeft; k++ {
		if kinds[k] == 0 && k != backplane.SocketsLeave {
			t.Errorf("no recording of kind %d", k)
		}
	}
}

func reencode(g golden) (m backplane.Message, again []byte, err error) {
	text := g.bytes[0] == '{'
	switch {
	case g.kind != 0:
		if m, err = DecodeData(g.kind, g.bytes, Limits{}); err == nil {
			if text {
				again, err = AppendDataJSON(nil, m)
			} else {
				again, err = AppendDataMsgpack(nil, m)
			}
		}
	default:
		if m, err = Decode(g.bytes, Limits{}); err == nil {
			if text {
				again, err = AppendJSON(nil, m)
			} else {
				again, err = AppendMsgpack(nil, m)
			}
		}
	}
	return m, again, err
}

// same reports whether two messages differ in the order of members only.
func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	text := func(b []byte) (v any) {
		if b[0] != '{' {
			d, rest, err := ReadValue(b, Limits{})
			if err != nil || len(rest) > 0 {
				t.Fatal(err)
			}
			b = d.JSON
		}
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	return len(a) == len(b) && reflect.DeepEqual(text(a), text(b))
}

// TestGoldenMeaning holds what some of them mean.
func TestGoldenMeaning(t *testing.T) {
	find := func(section string, kind backplane.Kind) backplane.Message {
		t.Helper()
		for _, g := range goldens(t) {
			if m, _, err := reencode(g); err == nil && strings.Contains(g.section, section) && m.Kind == kind {
				return m
			}
		}
		t.Fatalf("no recording of %s", section)
		return backplane.Message{}
	}
	m := find(`redis sharded-dynamic: io.emit with Buffer`, backplane.Broadcast)
	if string(m.Data.JSON) != `["bin",{"_placeholder":true,"num":0}]` || len(m.Data.Attachments) != 1 || string(m.Data.Attachments[0]) != "\x01\x02\x03" {
		t.Errorf("binary: %+v", m)
	}
	m = find(`sharded-dynamic: io.to(["room1","room2"]).except("room3").volatile.compress(false)`, backplane.Broadcast)
	if o := m.Options; !slices.Equal(o.Rooms, []string{"room1", "room2"}) || !slices.Equal(o.Except, []string{"room3"}) ||
		!o.Flags.Volatile || o.Flags.Compress == nil || *o.Flags.Compress || o.Flags.Timeout != 0 || m.Request != "" {
		t.Errorf("flags: %+v", m)
	}
	m = find(`sharded-dynamic: io.timeout(1000).emitWithAck`, backplane.Broadcast)
	if m.Options.Flags.Timeout.Milliseconds() != 1000 || m.Options.Flags.Compress != nil || m.Request == "" {
		t.Errorf("timeout: %+v", m)
	}
	m = find(`sharded-dynamic: io.timeout(1000).emitWithAck`, backplane.Ack)
	if string(m.Data.JSON) != `"ok"` {
		t.Errorf("ack: %+v", m)
	}
	for _, adapter := range []string{"sharded-dynamic", "redis-streams"} {
		s := find(adapter, backplane.FetchSocketsResponse).Sockets[0]
		if h := s.Handshake; len(s.ID) != 20 || s.Rooms[1] != "room1" || string(s.Data.JSON) != `{"user":"bob"}` ||
			h.Headers["sec-websocket-version"] != "13" || h.Query["EIO"] != "4" || h.Address != "::ffff:127.0.0.1" ||
			h.URL != "/socket.io/?EIO=4&transport=websocket" || h.Issued < 1e12 || h.Secure || h.XDomain ||
			string(h.Auth.JSON) != "{}" || !strings.HasPrefix(h.Time, "Sun Nov 22 2026") {
			t.Errorf("%s: %+v", adapter, s)
		}
	}
	m = find("postgres EMITTER emit bin", backplane.Broadcast)
	if m.From != "emitter" || m.Namespace != "" || len(m.Data.Attachments) != 1 {
		t.Errorf("emitter: %+v", m)
	}
}

// TestGoldenClassic goes through maps of another form, of the classic adapter for
// Redis, with a Reader and a Writer.
func TestGoldenClassic(t *testing.T) {
	seen := 0
	for _, g := range recordings(t, "redis") {
		if !strings.HasPrefix(g.Section, "classic") || g.Hex == "" || !strings.HasPrefix(g.Hex, "93") {
			continue
		}
		seen++
		want := unhex(t, g.Hex)
		r := NewReader(want, Limits{})
		m := r.Array()
		r.Next(&m)
		uid := r.String()
		r.Next(&m)
		var namespace string
		var data backplane.Data
		for m := r.Object(); r.Next(&m); {
			switch string(r.Key()) {
			case "type":
				if r.Int() != 2 {
					t.Error("type")
				}
			case "data":
				data = r.Value()
			case "nsp":
				namespace = r.String()
			}
		}
		r.Next(&m)
		options := r.Options()
		if r.Next(&m) || r.End() != nil {
			t.Errorf("%s: %v", g.Section, r.End())
		}
		w := NewWriter([]byte("kept"), true)
		w.Array(3)
		w.String(uid)
		w.Object(3)
		w.Key("type")
		w.Int(2)
		w.Key("data")
		w.Value(data)
		w.Key("nsp")
		w.String(namespace)
		w.EndObject()
		w.Options(options, true)
		w.EndArray()
		if got, err := w.Bytes(); err != nil || string(got) != "kept"+string(want) {
			t.Errorf("%s:\n got %q\nwant %q", g.Section, got, want)
		}
	}
	if seen < 10 {
		t.Errorf("only %d recordings", seen)
	}
}
