package redis

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// FuzzClassic holds that whatever comes does no harm, and that what was read and is
// written is read as the same.
func FuzzClassic(f *testing.F) {
	for _, r := range recordings(f, "PUBLISH", "classic: ", "redis-emitter") {
		f.Add(r.payload(f))
	}
	for _, text := range garbage {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	limits := wire.Limits{Bytes: 1 << 16}
	f.Fuzz(func(t *testing.T, payload []byte) {
		check := func(m backplane.Message, err error, write func(*backplane.Message) ([]byte, error), read func([]byte) (backplane.Message, error)) {
			if err != nil || m.Kind == 0 {
				return
			}
			again, err := write(&m)
			if err != nil {
				t.Fatalf("%+v cannot be written: %v", m, err)
			}
			got, err := read(again)
			if err != nil {
				if len(again) < limits.Bytes/8 {
					t.Fatalf("%q: %v", again, err)
				}
				return
			}
			if third, err := write(&got); err != nil || !bytes.Equal(third, again) {
				t.Fatalf("%v: what was read from\n%q is written as\n%q", err, again, third)
			}
		}
		broadcast := func(b []byte) (backplane.Message, error) { return readBroadcast(b, "self", limits) }
		m, err := broadcast(payload)
		check(m, err, func(m *backplane.Message) ([]byte, error) { return writeBroadcast(m, false) }, broadcast)
		response := func(b []byte) (backplane.Message, error) { return readResponse(b, limits) }
		m, err = response(payload)
		keepOnly(&m)
		check(m, err, writeResponse, response)
		q, err := readRequest(payload, limits)
		m = q.message
		keepOnly(&m)
		if q.kind >= classicJoin && !q.legacy && (m.Kind != backplane.Broadcast || m.Request != "") {
			check(m, err, writeRequest, func(b []byte) (backplane.Message, error) {
				q, err := readRequest(b, limits)
				keepOnly(&q.message)
				return q.message, err
			})
		}
	})
}

// keepOnly takes away what a message of its kind has no use for.
func keepOnly(m *backplane.Message) {
	if m.Kind != backplane.Broadcast {
		m.Namespace, m.Options.Flags = "", backplane.Flags{}
	}
	switch m.Kind {
	case backplane.FetchSocketsResponse:
		m.Data, m.Count, m.Failed = backplane.Data{}, 0, false
	case backplane.ClientCount:
		m.Data, m.Sockets, m.Failed = backplane.Data{}, nil, false
	case backplane.Ack, backplane.ServerSideEmitResponse:
		m.Count, m.Sockets = 0, nil
	default:
		if m.Kind != backplane.Broadcast && m.Kind != backplane.ServerSideEmit {
			m.Data = backplane.Data{}
		}
		if m.Kind == backplane.ServerSideEmit {
			m.Options = backplane.Options{}
		}
		if m.Kind != backplane.SocketsJoin && m.Kind != backplane.SocketsLeave {
			m.Rooms = nil
		}
		m.Close = m.Close && m.Kind == backplane.DisconnectSockets
	}
}

// FuzzReceived gives a node what comes on any of its channels, in either format.
func FuzzReceived(f *testing.F) {
	for _, r := range recordings(f, "PUBLISH", "classic: ") {
		f.Add(r.Channel, r.payload(f))
	}
	for _, r := range recordings(f, "SPUBLISH", "sharded-dynamic: ") {
		f.Add(r.Channel, r.payload(f))
	}
	f.Fuzz(func(t *testing.T, channel string, payload []byte) {
		n := &node{names: node1, id: "0123456789abcdef", limits: wire.Limits{Bytes: 1 << 16}, spaces: map[string]*space{"/": {watching: true}}}
		give := func(m backplane.Message) {
			if m.Namespace == "" || m.Kind < backplane.Broadcast || m.Kind > backplane.Ack || m.From == n.id {
				t.Errorf("on %q %q became %+v", channel, payload, m)
			}
		}
		s := &sharded{node: n, ends: ownEnds(n.id)}
		_ = s.received(delivery{topic: topic{shardTopic, channel}, channel: channel, payload: payload}, []string{"/"}, give)
		c := &classic{node: n, own: ownStarts(n.id), tag: []byte("@" + n.id)}
		d := delivery{topic: topic{channelTopic, channel}, channel: channel, payload: payload}
		if strings.HasPrefix(channel, c.main("/")) {
			d.topic = topic{patternTopic, c.pattern("/")}
		}
		_ = c.received(d, []string{"/"}, give)
	})
}
