package redis

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// A streamsRecording is one thing that Node's streams adapter did.
type streamsRecording struct {
	Section, Cmd, Key, Channel, Hex, Value, Returned string
	Fields                                           struct{ UID, Nsp, Type, Data string }
}

func streamsRecordings(t testing.TB, command string) (all []streamsRecording) {
	t.Helper()
	for _, r := range recorded[streamsRecording](t, "redis-streams.json") {
		if r.Cmd == command {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		t.Fatal("there is none")
	}
	return all
}

func streamsDefaults(t testing.TB) StreamsConfig {
	c, err := StreamsConfig{Config: Config{Client: connect(t, "127.0.0.1:1")}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What Node's adapter has put into its stream is read, and written the same way.
func TestStreamsGoldenEntries(t *testing.T) {
	c := streamsDefaults(t)
	kinds := map[backplane.Kind]int{}
	for _, r := range streamsRecordings(t, "XADD") {
		f := r.Fields
		id, ok := parseID([]byte(r.Returned))
		e := entry{id: id, from: []byte(f.UID), namespace: []byte(f.Nsp), kind: []byte(f.Type), data: []byte(f.Data)}
		m, err := c.entries().decode("socket.io", &e)
		if err != nil || !ok || m.Offset != id || m.Namespace != "/" || !inStream(m) {
			t.Errorf("%s: %+v, %v", r.Section, m, err)
		}
		kinds[m.Kind]++
		data, err := encode(m)
		if err != nil {
			t.Error(err)
		}
		name, read := c.streamOf("/")
		got := c.entries().command(name, c.MaxLen, draft{kind: m.Kind, from: f.UID, namespace: m.Namespace, data: data, number: "7"})
		want := []any{
			"xadd", r.Key, "maxlen", "~", 10000, "*", "uid", f.UID, "nsp", f.Nsp, "type", f.Type, "data", []byte(f.Data), "kid", "7",
		}
		if !read || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q\nwant %q", r.Section, got, want)
		}
	}
	if kinds[backplane.Broadcast] < 3 || kinds[backplane.SocketsJoin] != 1 {
		t.Errorf("%v", kinds)
	}
}

// What it has published is read, and published the same way.
func TestStreamsGoldenMessages(t *testing.T) {
	for _, r := range streamsRecordings(t, "PUBLISH") {
		payload, err := hex.DecodeString(r.Hex)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.Decode(payload, wire.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		e := ephemeral{sharded: sharded{node: &node{names: names{"socket.io"}, id: m.From}}}
		channel, again, err := e.message(&m)
		if isAnswer(m.Kind) {
			channel, again, err = e.reply(&backplane.Message{From: "7cd197ac9c1cfcb9", Namespace: "/"}, &m)
		}
		if m.Kind == backplane.FetchSocketsResponse { // its headers are in the order in which they came
			back, _ := wire.Decode(again, wire.Limits{})
			if !reflect.DeepEqual(m, back) {
				t.Errorf("%+v\n%+v", back, m)
			}
			again = payload
		}
		if err != nil || channel != r.Channel || !bytes.Equal(again, payload) {
			t.Errorf("%s: on %q %x, %v\nwant on %q %x", r.Section, channel, again, err, r.Channel, payload)
		}
	}
}

// A session that it has saved is read, and saved the same way but for what Kawat adds.
func TestStreamsGoldenSession(t *testing.T) {
	c := streamsDefaults(t)
	for _, r := range streamsRecordings(t, "SET") {
		const pid = "F1jiNZB62UV1DsTRAAAB"
		s, err := c.entries().decodeSession(c.SessionKeyPrefix, pid, "/", r.Value)
		want := backplane.Session{
			Namespace: "/", ID: "l6ucbe-X7UnvYYX1AAAA", PID: pid, Rooms: []string{"l6ucbe-X7UnvYYX1AAAA", "room1", "r2"},
			Data: backplane.Data{JSON: []byte(`{"user":"bob"}`)},
		}
		if err != nil || !reflect.DeepEqual(s, want) || r.Key != c.SessionKeyPrefix+pid {
			t.Fatalf("%+v, %v", s, err)
		}
		value, err := c.entries().encodeSession(c.SessionKeyPrefix, s)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := base64.StdEncoding.DecodeString(value)
		recorded, _ := base64.StdEncoding.DecodeString(r.Value)
		recorded[0]++ // one member more
		if again := append(recorded, "\xa3nsp\xa1/"...); !bytes.Equal(got, again) {
			t.Errorf("%q\nwant %q", got, again)
		}
	}
}

// The channels are those that it has subscribed to.
func TestStreamsGoldenChannels(t *testing.T) {
	var channels []string
	text, err := os.ReadFile("testdata/redis-streams.json")
	if err != nil {
		t.Fatal(err)
	}
	var each []struct{ Cmd, Arg any }
	if err := json.Unmarshal(text, &each); err != nil {
		t.Fatal(err)
	}
	for _, r := range each {
		if r.Cmd == "SUBSCRIBE" {
			channels = append(channels, fmt.Sprint(r.Arg))
		}
	}
	e := ephemeral{sharded: sharded{node: &node{names: names{"socket.io"}, id: "7cd197ac9c1cfcb9"}}, subscriptions: channelTopic}
	want := []topic{{channelTopic, channels[0]}, {channelTopic, channels[1]}}
	if got := e.topics("/"); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Streams are chosen as by JavaScript's hashCode(name) % n, computed by Node.
func TestStreamOf(t *testing.T) {
	for _, row := range []struct {
		namespace string
		count     int
		fixed     bool
		name      string
		read      bool
	}{
		{"/", 1, false, "socket.io", true},
		{"/notifications", 1, false, "socket.io", true},
		{"/", 4, false, "socket.io-3", true},
		{"/chat", 4, false, "socket.io-3", true},
		{"/notifications", 4, false, "socket.io--3", false},
		{"/notifications", 4, true, "socket.io-1", true},
		{"/chat", 4, true, "socket.io-3", true},
		{"/ü😀", 7, false, "socket.io-4", true},
	} {
		c := StreamsConfig{StreamName: "socket.io", StreamCount: row.count, FixedHash: row.fixed}
		if name, read := c.streamOf(row.namespace); name != row.name || read != row.read {
			t.Errorf("%s of %d: %s, %v, want %s", row.namespace, row.count, name, read, row.name)
		}
	}
}
