package redis

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// A recording is one thing that Node's adapters did.
type recording struct {
	Section, Node, Cmd, Channel, Arg, Text, Hex string
}

func (r recording) payload(t testing.TB) []byte {
	if r.Text != "" {
		return []byte(r.Text)
	}
	payload, err := hex.DecodeString(r.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// sorted has the headers of a socket in the order of their names: Node's is that in
// which they came.
func sorted(payload []byte) []byte {
	const start = `"headers":`
	before, rest, found := bytes.Cut(payload, []byte(start))
	end := bytes.IndexByte(rest, '}') + 1
	if !found {
		return payload
	}
	var headers map[string]string
	_ = json.Unmarshal(rest[:end], &headers)
	var in bytes.Buffer
	e := json.NewEncoder(&in)
	e.SetEscapeHTML(false)
	_ = e.Encode(headers)
	return slices.Concat(before, []byte(start), bytes.TrimSpace(in.Bytes()), rest[end:])
}

// recorded returns all that is in a file.
func recorded[T any](t testing.TB, file string) (all []T) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var each []json.RawMessage
	if err := json.Unmarshal(text, &each); err != nil {
		t.Fatal(err)
	}
	for _, one := range each {
		var r T
		_ = json.Unmarshal(one, &r) // some members are of another type elsewhere
		all = append(all, r)
	}
	return all
}

// recordings returns what was sent in sections that begin so.
func recordings(t testing.TB, command string, sections ...string) (all []recording) {
	t.Helper()
	for _, r := range recorded[recording](t, "redis.json") {
		for _, section := range sections {
			if r.Cmd == command && strings.HasPrefix(r.Section, section) {
				all = append(all, r)
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("there is none")
	}
	return all
}

var node1 = names{"socket.io"}

// TestClassicGolden reads what Node's classic adapter and emitter have sent, and
// writes the same bytes.
func TestClassicGolden(t *testing.T) {
	for _, r := range recordings(t, "PUBLISH", "classic", "redis-emitter") {
		payload := r.payload(t)
		namespace := strings.Split(r.Channel, "#")[1]
		var again []byte
		var err error
		channel := ""
		switch {
		case strings.HasPrefix(r.Channel, "socket.io#"):
			var m backplane.Message
			if m, err = readBroadcast(payload, "", wire.Limits{}); err == nil {
				channel = node1.broadcastChannel(&m)
				again, err = writeBroadcast(&m, m.From == emitterID)
			}
		case strings.HasPrefix(r.Channel, "socket.io-request#"):
			var q classicRequest
			if q, err = readRequest(payload, wire.Limits{}); err == nil {
				m := q.message
				channel = node1.request(namespace)
				if q.kind == classicRooms {
					continue // it is never sent
				}
				if m.From == emitterID && m.Kind != backplane.ServerSideEmit {
					m.From = ""
				}
				m.Namespace = namespace
				again, err = writeRequest(&m)
			}
		default:
			if bytes.Contains(payload, []byte(`"rooms":["`)) && !bytes.Contains(payload, []byte("handshake")) {
				again, err = writeList(string(payload[14:20]), "rooms", roomsIn(payload))
				channel = r.Channel
				break
			}
			var m backplane.Message
			if m, err = readResponse(payload, wire.Limits{}); err == nil {
				channel = node1.response(namespace)
				again, err = writeResponse(&m)
			}
		}
		if err != nil || !bytes.Equal(again, sorted(payload)) {
			t.Errorf("%s: %v\n got %q\nwant %q", r.Section, err, again, payload)
		}
		if channel != r.Channel && !strings.HasPrefix(r.Section, "classic-specific") {
			t.Errorf("%s: on %q, want %q", r.Section, channel, r.Channel)
		}
	}
}

func roomsIn(payload []byte) []string {
	var list struct{ Rooms []string }
	_ = json.Unmarshal(payload, &list)
	return list.Rooms
}

// TestShardedGolden does the same with the sharded adapter's, in each mode.
func TestShardedGolden(t *testing.T) {
	for section, mode := range map[string]SubscriptionMode{
		"sharded-dynamic:": Dynamic, "sharded-static:": Static, "sharded-dynamic-private:": DynamicPrivate,
	} {
		for _, r := range recordings(t, "SPUBLISH", section) {
			payload := r.payload(t)
			m, err := wire.Decode(payload, wire.Limits{})
			if err != nil {
				t.Errorf("%s: %v", r.Section, err)
				continue
			}
			again, err := wire.Append(nil, m)
			if err != nil || !bytes.Equal(again, sorted(payload)) {
				t.Errorf("%s: %v\n got %q\nwant %q", r.Section, err, again, payload)
			}
			if channel := node1.shardedChannel(mode, &m); !isAnswer(m.Kind) && channel != r.Channel {
				t.Errorf("%s: on %q, want %q", r.Section, channel, r.Channel)
			}
		}
	}
}

// TestNames compares where nodes listen with where Node's do.
func TestNames(t *testing.T) {
	const uid = "0123456789abcdef"
	c := &classic{node: &node{names: node1, id: uid}}
	s := &sharded{node: &node{names: node1, id: uid}}
	for _, of := range []struct {
		section string
		format  format
		kinds   map[topicKind]string
	}{
		{"classic: startup", c, map[topicKind]string{patternTopic: "PSUBSCRIBE", channelTopic: "SUBSCRIBE"}},
		{"sharded-dynamic: startup", s, map[topicKind]string{shardTopic: "SSUBSCRIBE"}},
	} {
		var got, want []string
		for _, topic := range of.format.topics("/") {
			got = append(got, of.kinds[topic.kind]+" "+topic.name)
		}
		for _, command := range []string{"PSUBSCRIBE", "SUBSCRIBE", "SSUBSCRIBE"} {
			if strings.HasPrefix(of.section, "classic") == (command == "SSUBSCRIBE") {
				continue
			}
			if of.format == format(s) && command != "SSUBSCRIBE" {
				continue
			}
			for _, r := range recordings(t, command, of.section) {
				if r.Node == "A" {
					want = append(want, command+" "+r.Arg)
				}
			}
		}
		last := &want[len(want)-1] // it has Node's id
		*last = (*last)[:strings.Index(*last, "#/#")+3] + uid + "#"
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: listens to %q, want %q", of.section, got, want)
		}
	}
}

// decoded reads a message of the sharded adapter.
func decoded(payload string) (backplane.Message, error) {
	return wire.Decode([]byte(payload), wire.Limits{})
}

// TestReadsWhatOthersWrite holds what is taken though no Node of today sends it so.
func TestReadsWhatOthersWrite(t *testing.T) {
	m, err := readBroadcast([]byte("\x93\xa1x\x82\xa4type\x02\xa4data\x91\xa1e\x82\xa5rooms\x90\xa6except\x90"), "", wire.Limits{})
	if err != nil || m.Namespace != "/" || m.From != "x" {
		t.Errorf("without a namespace: %+v, %v", m, err)
	}
	c := &classic{node: &node{names: node1, id: "0123456789abcdef"}}
	for payload, want := range map[string]int{
		`{"type":6,"data":["x"],"uid":"0123456789abcdef"}`: 0,
		`{"type":6,"data":["x"],"uid":"fedcba9876543210"}`: 1,
		`{"type":6,"data":["x"]}`:                          1,
		`{"type":7,"requestId":"q","packet":{"type":2,"data":["x"],"nsp":"/b"},"opts":{"rooms":[],"except":[]}}`: 0,
		`{"type":7,"requestId":"q","packet":{"type":2,"data":["x"],"nsp":"/a"},"opts":{"rooms":[],"except":[]}}`: 1,
	} {
		given := 0
		err := c.requested([]byte(payload), "/a", func(m backplane.Message) {
			if given++; m.Namespace != "/a" {
				t.Errorf("%s: %+v", payload, m)
			}
		})
		if given != want || err != nil {
			t.Errorf("%s is given %d times, want %d: %v", payload, given, want, err)
		}
	}
}
