package redis

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
)

// A wiretap says what nodes send, and sends what Node would.
type wiretap struct {
	t    *testing.T
	one  *member
	next func() (channel, payload string)
}

func tapClassic(t *testing.T, cfg Config, also func(m *member, got backplane.Message)) *wiretap {
	w := &wiretap{t: t}
	joined := make(chan struct{})
	w.one = joinAnd(t, Classic(cfg), func(got backplane.Message) {
		<-joined
		also(w.one, got)
	}, "/")
	close(joined)
	w.next = record(t, connect(t, server.Addr()), cfg.Prefix+"-", nil)
	return w
}

func (w *wiretap) request(payload string) {
	w.t.Helper()
	if err := w.one.cfg.Client.Publish(context.Background(), w.one.node.request("/"), payload).Err(); err != nil {
		w.t.Fatal(err)
	}
	if channel, _ := w.next(); channel != w.one.node.request("/") { // its own
		w.t.Errorf("on %q", channel)
	}
}

func (w *wiretap) expect(channel, payload string) {
	w.t.Helper()
	if gotChannel, got := w.next(); gotChannel != channel || got != payload {
		w.t.Errorf("on %q %q, want on %q %q", gotChannel, got, channel, payload)
	}
}

// TestOldRequests holds how the requests are answered that only Node sends, and those
// that only its old versions do.
func TestOldRequests(t *testing.T) {
	for _, specific := range []bool{false, true} {
		cfg := config(t)
		cfg.PublishOnSpecificResponseChannel = specific
		sockets := []backplane.Socket{{ID: "s1", Rooms: []string{"s1", "b"}}, {ID: "s2", Rooms: []string{"s2", "b", "a"}}}
		w := tapClassic(t, cfg, func(m *member, got backplane.Message) {
			if got.Kind == backplane.FetchSockets {
				if err := m.Reply(got, backplane.Message{Kind: backplane.FetchSocketsResponse, Sockets: sockets[:len(sockets)-len(got.Options.Rooms)]}); err != nil {
					t.Error(err)
				}
			}
		})
		to := w.one.response("/")
		if specific {
			to += "abc#"
		}
		w.request(`{"uid":"abc","requestId":"q1","type":0,"rooms":[]}`)
		w.expect(to, `{"requestId":"q1","sockets":["s1","s2"]}`)
		w.request(`{"uid":"abc","requestId":"q2","type":0,"rooms":["b"]}`)
		w.expect(to, `{"requestId":"q2","sockets":["s1"]}`)
		w.request(`{"uid":"abc","requestId":"q3","type":1}`)
		w.expect(to, `{"requestId":"q3","rooms":["a","b","s1","s2"]}`)
		sockets = nil
		w.request(`{"uid":"abc","requestId":"q4","type":1}`)
		w.expect(to, `{"requestId":"q4","rooms":[]}`)
		w.request(`{"uid":"abc","requestId":"q5","type":5}`)
		w.expect(to, `{"requestId":"q5","sockets":[]}`)
		asked := w.one.wait(5)
		if got := asked[1].Options.Rooms; len(got) != 1 || got[0] != "b" || asked[0].From != "abc" {
			t.Errorf("asked for %+v", asked)
		}

		w.one.RoomCreated("/", "sid1")
		w.request(`{"uid":"abc","requestId":"q6","type":2,"sid":"sid1","room":"r"}`)
		w.expect(to, `{"requestId":"q6"}`)
		w.request(`{"uid":"abc","requestId":"q7","type":3,"sid":"elsewhere","room":"r"}`)
		w.request(`{"uid":"abc","requestId":"q8","type":4,"sid":"sid1","close":true}`)
		w.expect(to, `{"requestId":"q8"}`)
		for i, want := range []backplane.Message{
			{Kind: backplane.SocketsJoin, Options: backplane.Options{Rooms: []string{"sid1"}}, Rooms: []string{"r"}},
			{Kind: backplane.SocketsLeave, Options: backplane.Options{Rooms: []string{"elsewhere"}}, Rooms: []string{"r"}},
			{Kind: backplane.DisconnectSockets, Options: backplane.Options{Rooms: []string{"sid1"}}, Close: true, Rooms: []string{""}},
		} {
			want.From, want.Namespace = "abc", "/"
			if got := w.one.wait(8)[5+i]; !same(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	}
}

// TestAnswersToNode holds how each request of Node's is answered: where, and how it
// looks.
func TestAnswersToNode(t *testing.T) {
	for _, specific := range []bool{false, true} {
		cfg := config(t)
		cfg.PublishOnSpecificResponseChannel = specific
		w := tapClassic(t, cfg, func(m *member, got backplane.Message) {
			switch got.Kind {
			case backplane.Broadcast:
				_ = m.Reply(got, backplane.Message{Kind: backplane.ClientCount, Count: 1})
				_ = m.Reply(got, backplane.Message{Kind: backplane.Ack, Data: backplane.Data{JSON: []byte(`"ok"`)}})
			case backplane.ServerSideEmit:
				_ = m.Reply(got, backplane.Message{Kind: backplane.ServerSideEmitResponse, Data: backplane.Data{JSON: []byte(`"pong"`)}})
			}
		})
		to := w.one.response("/")
		if specific {
			to += "vBEX9W#"
		}
		for _, r := range recordings(t, "PUBLISH", "classic: ") {
			if strings.HasPrefix(r.Channel, "socket.io-request#/#") && strings.HasSuffix(r.Section, `emitWithAck("q","x")`) {
				w.request(string(r.payload(t)))
				w.expect(to, `{"type":8,"requestId":"kqqb2r","clientCount":1}`)
				ack, _ := hex.DecodeString("83a47479706509a9726571756573744964a66b7171623272a67061636b6574a26f6b")
				w.expect(to, string(ack))
			}
			if strings.HasPrefix(r.Channel, "socket.io-request#/#") && strings.HasSuffix(r.Section, `serverSideEmitWithAck("pingack",1)`) {
				w.request(string(r.payload(t)))
				w.expect(w.one.response("/"), `{"type":6,"requestId":"s5sNJm","data":"pong"}`) // always on the common one
			}
		}
		w.one.wait(2)
	}
}

// TestOnTheWire holds what a node sends, byte for byte and where: what Node has sent,
// with other ids.
func TestOnTheWire(t *testing.T) {
	cfg := config(t)
	cfg.Prefix = "socket.io"
	one := join(t, Classic(cfg), "/", "/chat")
	next := record(t, connect(t, server.Addr()), "socket.io", nil)
	for _, r := range recordings(t, "PUBLISH", "classic: ") {
		payload := r.payload(t)
		namespace := strings.Split(r.Channel, "#")[1]
		var m backplane.Message
		switch {
		case strings.HasPrefix(r.Channel, "socket.io#"):
			m, _ = readBroadcast(payload, "", one.limits)
		case strings.HasPrefix(r.Channel, "socket.io-request#"):
			q, _ := readRequest(payload, one.limits)
			if q.kind == classicRooms {
				continue
			}
			m = q.message
		default:
			continue
		}
		uid, request := m.From, m.Request
		m.Namespace = namespace
		one.publish(m)
		channel, got := next()
		want := replaced(string(payload), uid, one.ID())
		if request != "" {
			want = replaced(want, request, request+"@"+one.ID())
		}
		if channel != r.Channel || got != want {
			t.Errorf("%s: on %q\n%q, want on %q\n%q", r.Section, channel, got, r.Channel, want)
		}
	}
}

// replaced replaces a short string in JSON and in MessagePack.
func replaced(payload, old, by string) string {
	if payload[0] == '{' {
		return strings.Replace(payload, `"`+old+`"`, `"`+by+`"`, 1)
	}
	head := string([]byte{0xa0 + byte(len(by))})
	if len(by) > 31 {
		head = string([]byte{0xd9, byte(len(by))})
	}
	return strings.Replace(payload, string([]byte{0xa0 + byte(len(old))})+old, head+by, 1)
}

// TestShardedOnTheWire does the same with the sharded adapter's.
func TestShardedOnTheWire(t *testing.T) {
	cfg := config(t)
	cfg.Prefix = "socket.io"
	one := join(t, Sharded(cfg), "/", "/chat")
	next := record(t, connect(t, server.Addr()), "", []string{"socket.io#/#", "socket.io#/#room1#", "socket.io#/chat#"})
	sent := 0
	for _, r := range recordings(t, "SPUBLISH", "sharded-dynamic: ") {
		payload := string(r.payload(t))
		m, err := decoded(payload)
		if err != nil || isAnswer(m.Kind) {
			continue
		}
		uid := m.From
		one.publish(m)
		if channel, got := next(); channel != r.Channel || got != strings.Replace(payload, uid, one.ID(), 1) {
			t.Errorf("%s: on %q\n%q, want on %q\n%q", r.Section, channel, got, r.Channel, payload)
		}
		sent++
	}
	if sent < 10 {
		t.Errorf("%d were sent", sent)
	}
}

// TestShardedWithoutNamespace holds that what Node's sharded adapter 8.2 sends is taken,
// which has no namespace and, if it is an answer, no sender; unless the channel is that
// of several namespaces.
func TestShardedWithoutNamespace(t *testing.T) {
	one := join(t, Sharded(config(t)), "/", "/a", "/b", "/b#c")
	one.RoomCreated("/b", "c")
	one.settle()
	send := func(channel, payload string) {
		if err := one.cfg.Client.SPublish(t.Context(), channel, payload).Err(); err != nil {
			t.Fatal(err)
		}
	}
	const broadcast = `{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":["c"],"except":[],"flags":{}}},"uid":"abc"}`
	answer := `{"type":8,"data":{"requestId":"q","sockets":[]}}`
	send(one.main("/a"), broadcast)
	send(one.room("/a", one.ID()), answer)
	send(one.main("/a"), answer)                               // not where answers come
	send(one.main("/a"), `{"type":9,"data":{"packet":["x"]}}`) // nobody has sent it
	send(one.room("/b", "c"), broadcast)                       // it may as well be for "/b#c"
	send(one.room("/", one.ID()), answer)
	got := one.wait(3)
	eventually(t, "two that are ignored", func() bool { return len(one.observed(backplane.Ignored)) == 2 })
	for i, want := range []backplane.Message{
		{Kind: backplane.Broadcast, From: "abc", Namespace: "/a"},
		{Kind: backplane.FetchSocketsResponse, Namespace: "/a", Request: "q"},
		{Kind: backplane.FetchSocketsResponse, Namespace: "/", Request: "q"},
	} {
		if got := got[i]; got.Kind != want.Kind || got.From != want.From || got.Namespace != want.Namespace || got.Request != want.Request {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// TestEmitters holds what emitters send, and that nodes take it.
func TestEmitters(t *testing.T) {
	cfg := config(t)
	cfg.Prefix = "socket.io"
	two := join(t, Classic(cfg), "/", "/chat")
	e, err := NewEmitter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	next := record(t, connect(t, server.Addr()), "socket.io", nil)
	sent := 0
	for _, r := range recordings(t, "PUBLISH", "redis-emitter") {
		m, _ := readBroadcast(r.payload(t), "", two.limits)
		if strings.HasPrefix(r.Channel, "socket.io-request#") {
			q, _ := readRequest(r.payload(t), two.limits)
			m = q.message
		}
		m.Namespace = strings.Split(r.Channel, "#")[1]
		if err := e.Publish(m); err != nil {
			t.Fatal(err)
		}
		if channel, got := next(); channel != r.Channel || got != string(r.payload(t)) {
			t.Errorf("%s: on %q\n%q, want on %q\n%q", r.Section, channel, got, r.Channel, r.payload(t))
		}
		sent++
		if got := two.wait(sent)[sent-1]; got.From != "emitter" || got.Kind != m.Kind {
			t.Errorf("%s: got %+v", r.Section, got)
		}
	}
	s := join(t, Sharded(cfg), "/")
	s.RoomCreated("/", "room")
	s.settle()
	e, err = NewShardedEmitter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []backplane.Message{event("/", "x"), event("/", "y", "room"), {Kind: backplane.DisconnectSockets, Namespace: "/"}} {
		if err := e.Publish(m); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, got := range s.wait(3) {
		if got.From != "emitter" {
			t.Errorf("got %+v", got)
		}
	}
	for _, m := range []backplane.Message{{Kind: backplane.FetchSockets, Request: "q"}, {Kind: backplane.FetchSockets}, {Kind: backplane.Ack}, {Kind: backplane.Broadcast, Request: "q"}} {
		if err := e.Publish(m); err == nil || err == backplane.ErrClosed {
			t.Errorf("an emitter can send %+v: %v", m, err)
		}
	}
	if err := e.Publish(event("/", "late")); err != backplane.ErrClosed {
		t.Errorf("after the end: %v", err)
	}
}
