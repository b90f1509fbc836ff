package postgres

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// A statement is what one of Node's servers, or its emitter, has sent to the database:
// a notification, with the row before it if there was one.
type statement struct {
	section, node string
	payload       string
	row           []byte
}

// golden returns what was recorded.
func golden(t testing.TB) (all []statement) {
	t.Helper()
	text, err := os.ReadFile("testdata/postgres.json")
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		Section, Node, SQL string
		Params             []json.RawMessage
	}
	if err := json.Unmarshal(text, &entries); err != nil {
		t.Fatal(err)
	}
	var row []byte
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.SQL, "INSERT INTO socket_io_attachments"):
			var binary struct {
				Hex string `json:"_hex"`
			}
			if err := json.Unmarshal(e.Params[0], &binary); err != nil {
				t.Fatal(err)
			}
			if row, err = hex.DecodeString(binary.Hex); err != nil {
				t.Fatal(err)
			}
		case strings.HasPrefix(e.SQL, "SELECT pg_notify") && len(e.Params) == 2:
			s := statement{section: e.Section, node: e.Node, row: row}
			if err := json.Unmarshal(e.Params[1], &s.payload); err != nil {
				t.Fatal(err)
			}
			all, row = append(all, s), nil
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d statements only", len(all))
	}
	return all
}

func (s statement) message(t testing.TB) backplane.Message {
	t.Helper()
	payload := []byte(s.payload)
	if s.row != nil {
		payload = s.row
	}
	m, err := wire.Decode(payload, wire.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", s.section, err)
	}
	if m.Namespace == "" { // the emitter's
		m.Namespace = "/"
	}
	return m
}

// What a node sends is what Node's servers send, to the byte.
func TestGoldenIsWritten(t *testing.T) {
	c := apart(t)
	exec(t, c, table{settings: settings{Config: c}}.definition())
	tap := listen(t, c, c.ChannelPrefix+"#/")
	n := join(t, New(c), "/")
	until(t, "it has said hello", func() bool { return len(tap.with(n.ID())) > 0 })
	own := func(text, of string) string { return strings.ReplaceAll(text, of, n.ID()) }
	want := []string{own(`{"type":1,"uid":"x","nsp":"/"}`, "x")}
	var rows []string
	for _, s := range golden(t) {
		m := s.message(t)
		if s.node == "E" || m.Kind < backplane.Broadcast {
			continue
		}
		payload := own(s.payload, m.From)
		if s.row != nil {
			rows = append(rows, own(string(s.row), m.From))
			payload = payload[:strings.Index(payload, `"attachmentId"`)] + `"attachmentId":"` + strconv.Itoa(len(rows)) + `"}`
		}
		want = append(want, payload)
		if m.Kind == backplane.NodeLeft {
			continue // by Close
		}
		n.publish(m)
	}
	notify(t, c, c.ChannelPrefix+"#/", `{"type":1,"uid":"another","nsp":"/"}`)
	n.knows("/", "another")
	until(t, "the heartbeat is answered", func() bool { return len(tap.with(`"type":2`)) > 0 })
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "all is on the wire", func() bool { return len(tap.with(n.ID())) > len(want) })
	got := tap.with(n.ID())
	beat := own(`{"type":2,"uid":"x","nsp":"/"}`, "x")
	for i := range want {
		if len(got) > i && got[i] == beat && want[i] != beat {
			got = append(got[:i], got[i+1:]...)
		}
		if i >= len(got) || got[i] != want[i] && !sameSockets(t, got[i], want[i]) {
			t.Fatalf("notification %d is\n%s, want\n%s", i, got[i], want[i])
		}
	}
	for i, row := range rows {
		var got []byte
		if err := c.Pool.QueryRow(t.Context(), "SELECT payload FROM "+c.TableName+" WHERE id = $1", i+1).Scan(&got); err != nil || string(got) != row {
			t.Errorf("row %d is %x, %v, want %x", i+1, got, err, row)
		}
	}
	if len(rows) < 2 {
		t.Errorf("%d rows only", len(rows))
	}
}

// sameSockets compares answers with sockets, whose headers have no order.
func sameSockets(t *testing.T, got, want string) bool {
	const answer = `{"type":8,`
	var a, b any
	if !strings.HasPrefix(got, answer) || !strings.HasPrefix(want, answer) {
		return false
	}
	if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		t.Fatalf("no JSON: %s, %s", got, want)
	}
	return reflect.DeepEqual(a, b)
}

// What Node's servers and its emitter send is understood.
func TestGoldenIsRead(t *testing.T) {
	c := apart(t)
	n := join(t, New(c), "/")
	until(t, "it is listened", func() bool { return n.Node.(*node).on(c.ChannelPrefix+"#/") != nil })
	tap := listen(t, c, c.ChannelPrefix+"#/")
	notify(t, c, c.ChannelPrefix+"#/", `{"type":1,"uid":"early","nsp":"/"}`)
	until(t, "the heartbeat is answered", func() bool { return len(tap.with(`"type":2`)) > 0 })

	var want []backplane.Message
	left := map[string]bool{}
	for _, s := range golden(t) {
		m := s.message(t)
		if m.Kind >= backplane.Broadcast && !left[m.From] {
			want = append(want, m)
			left[m.From] = m.Kind == backplane.NodeLeft
		}
		payload := s.payload
		if s.row != nil {
			var id string
			err := c.Pool.QueryRow(t.Context(), "INSERT INTO "+c.TableName+" (payload) VALUES ($1) RETURNING id::text", s.row).Scan(&id)
			if err != nil {
				t.Fatal(err)
			}
			payload = payload[:strings.Index(payload, `"attachmentId"`)] + `"attachmentId":"` + id + `"}`
		}
		notify(t, c, c.ChannelPrefix+"#/", payload)
	}
	until(t, "all has come", func() bool { return len(n.messages()) >= len(want) })
	of := func(messages []backplane.Message, from string) (some []backplane.Message) {
		for _, m := range messages {
			if m.From == from {
				some = append(some, m)
			}
		}
		return some
	}
	for _, m := range want {
		if got, want := of(n.messages(), m.From), of(want, m.From); !reflect.DeepEqual(got, want) {
			t.Fatalf("of %s came %.3000v, want %.3000v", m.From, got, want)
		}
	}
}
