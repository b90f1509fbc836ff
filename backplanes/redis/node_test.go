package redis

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

var yes = true

// conversation is one message of each kind that is no answer.
var conversation = []backplane.Message{
	{Kind: backplane.Broadcast, Data: backplane.Data{JSON: []byte(`["a",1,"ü",{"b":[null,true,1.5]}]`)}},
	{Kind: backplane.Broadcast, Data: backplane.Data{JSON: []byte(`["r"]`)}, Options: backplane.Options{Rooms: []string{"room"}}},
	{Kind: backplane.Broadcast, Data: backplane.Data{JSON: []byte(`["s"]`)}, Options: backplane.Options{
		Rooms: []string{"a", "b"}, Except: []string{"c"}, Flags: backplane.Flags{Volatile: true, Compress: &yes}}},
	{Kind: backplane.Broadcast, Data: backplane.Data{
		JSON:        []byte(`["bin",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]`),
		Attachments: [][]byte{{0, 1, 255}, {}}}},
	{Kind: backplane.Broadcast, Request: "question 1", Data: backplane.Data{JSON: []byte(`["q"]`)}, Options: backplane.Options{
		Flags: backplane.Flags{Timeout: 1500 * time.Millisecond, ExpectSingleResponse: true}}},
	{Kind: backplane.SocketsJoin, Options: backplane.Options{Rooms: []string{"room"}}, Rooms: []string{"x", "y"}},
	{Kind: backplane.SocketsLeave, Options: backplane.Options{Except: []string{"room"}}, Rooms: []string{"x"}},
	{Kind: backplane.DisconnectSockets, Close: true},
	{Kind: backplane.FetchSockets, Request: "question 2", Options: backplane.Options{Rooms: []string{"room"}}},
	{Kind: backplane.ServerSideEmit, Data: backplane.Data{JSON: []byte(`["ping",{"a":1}]`)}},
	{Kind: backplane.ServerSideEmit, Request: "question 3", Data: backplane.Data{
		JSON: []byte(`["ping",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{7}}}},
}

// answers are one of each kind that is an answer.
var answers = []backplane.Message{
	{Kind: backplane.ClientCount, Count: 3},
	{Kind: backplane.Ack, Data: backplane.Data{JSON: []byte(`{"_placeholder":true,"num":0}`), Attachments: [][]byte{{9}}}},
	{Kind: backplane.Ack, Data: backplane.Data{JSON: []byte(`"ok"`)}},
	{Kind: backplane.Ack},
	{Kind: backplane.ServerSideEmitResponse, Data: backplane.Data{JSON: []byte(`[1,2]`)}},
	{Kind: backplane.ServerSideEmitResponse, Data: backplane.Data{JSON: []byte(`{"_placeholder":true,"num":0}`), Attachments: [][]byte{{9}}}},
	{Kind: backplane.ServerSideEmitResponse, Failed: true, Data: backplane.Data{JSON: []byte(`{"error":"no"}`)}},
	{Kind: backplane.ServerSideEmitResponse},
	{Kind: backplane.FetchSocketsResponse},
	{Kind: backplane.FetchSocketsResponse, Sockets: []backplane.Socket{{
		ID: "tFQv5ZFGa_5CMynPAAAA", Rooms: []string{"tFQv5ZFGa_5CMynPAAAA", "room"},
		Data: backplane.Data{JSON: []byte(`{"pic":{"_placeholder":true,"num":0}}`), Attachments: [][]byte{{1, 2}}},
		Handshake: backplane.Handshake{
			Headers: map[string]string{"host": "a"}, Query: map[string]string{"EIO": "4"}, Time: "now", Issued: 1795350177074,
			Address: "::1", URL: "/", Secure: true, Auth: backplane.Data{JSON: []byte(`{"token":"t"}`)},
		},
	}}},
}

// same compares messages, for which no list is the same as an empty one.
func same(a, b backplane.Message) bool {
	return reflect.DeepEqual(normal(a), normal(b))
}

func normal(m backplane.Message) backplane.Message {
	for _, list := range []*[]string{&m.Rooms, &m.Options.Rooms, &m.Options.Except} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(m.Sockets) == 0 {
		m.Sockets = nil
	}
	return m
}

// TestConversation holds that what one node says arrives at each other as it was
// said, in order, and not at itself, nor in another namespace, nor in another cluster.
func TestConversation(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		cfg := config(t)
		cfg.SubscriptionMode = Static
		b := make(cfg)
		one, two, three := join(t, b, "/", "/chat"), join(t, b, "/", "/chat"), join(t, b, "/")
		stranger := join(t, make(config(t)), "/", "/chat")
		for _, namespace := range []string{"/", "/chat"} {
			for _, m := range conversation {
				m.Namespace, m.From = namespace, "somebody else"
				one.publish(m)
			}
		}
		for i, got := range two.wait(2 * len(conversation)) {
			want := conversation[i%len(conversation)]
			want.From, want.Namespace = one.ID(), []string{"/", "/chat"}[i/len(conversation)]
			if !same(got, want) {
				t.Errorf("message %d came as\n%+v, want\n%+v", i, got, want)
			}
		}
		three.wait(len(conversation))
		for _, m := range answers {
			if err := two.Reply(backplane.Message{From: one.ID(), Namespace: "/chat", Request: "a question"}, m); err != nil {
				t.Error(err)
			}
		}
		for i, got := range one.wait(len(answers)) {
			want := answers[i]
			want.Namespace, want.Request = "/chat", "a question"
			if got.From != "" {
				want.From = two.ID()
			}
			if !same(got, want) {
				t.Errorf("answer %d came as\n%+v, want\n%+v", i, got, want)
			}
		}
		two.wait(2 * len(conversation))
		three.wait(len(conversation))
		stranger.wait(0)
		for _, m := range []*member{one, two, three, stranger} {
			if len(m.events) > 0 {
				t.Errorf("observed %+v", m.events)
			}
		}
	})
}

func peers(t *testing.T, m *member, namespace string) int {
	t.Helper()
	p, err := m.Peers(t.Context(), namespace)
	if err != nil || p.IDs != nil {
		t.Fatalf("peers %+v, %v", p, err)
	}
	return p.Count
}

func TestPeers(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		b := make(config(t))
		one := join(t, b, "/")
		if n := peers(t, one, "/"); n != 0 {
			t.Errorf("alone, it has %d peers", n)
		}
		two, three := join(t, b, "/"), join(t, b, "/chat")
		if n := peers(t, one, "/"); n != 1 {
			t.Errorf("%d peers", n)
		}
		if n := peers(t, one, "/chat"); n != 1 {
			t.Errorf("%d peers in a namespace that is not open", n)
		}
		one.Open("/chat")
		if n := peers(t, one, "/chat"); n != 1 {
			t.Errorf("%d peers in a namespace that was opened", n)
		}
		if n := peers(t, three, "/chat"); n != 1 {
			t.Errorf("%d peers for the other", n)
		}
		one.Shut("/chat")
		one.Shut("/chat")
		eventually(t, "the shut namespace", func() bool { return peers(t, three, "/chat") == 0 })
		if err := two.Close(); err != nil {
			t.Error(err)
		}
		eventually(t, "the node that has left", func() bool { return peers(t, one, "/") == 0 })
	})
}

// TestShut holds that nothing comes in a namespace that is shut, and again when it is
// opened again.
func TestShut(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		b := make(config(t))
		one, two := join(t, b, "/", "/chat"), join(t, b, "/", "/chat")
		two.Shut("/chat")
		one.publish(event("/chat", "not heard"))
		one.publish(event("/", "heard"))
		two.wait(1)
		two.Open("/chat")
		two.settle()
		one.publish(event("/chat", "again"))
		two.wait(2)
		if got := two.texts(); !slices.Equal(got, []string{`["heard"]`, `["again"]`}) {
			t.Errorf("heard %q", got)
		}
	})
}

func TestMail(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		b := make(config(t))
		one, two, three := join(t, b), join(t, b), join(t, b)
		for _, m := range []*member{one, two, three} {
			eventually(t, "the other nodes", func() bool { return len(m.Nodes()) == 2 })
		}
		for _, to := range []string{"", two.ID(), "0000000000000000", ""} {
			if err := one.Relay(to, []byte("to "+to)); err != nil {
				t.Error(err)
			}
		}
		mail := func(m *member) []string {
			m.mu.Lock()
			defer m.mu.Unlock()
			return slices.Clone(m.letters)
		}
		eventually(t, "mail", func() bool { return len(mail(two)) == 3 && len(mail(three)) == 2 })
		if got := mail(two); !slices.Equal(got, []string{one.ID() + " to ", one.ID() + " to " + two.ID(), one.ID() + " to "}) {
			t.Errorf("got %q", got)
		}
		_ = one.Close()
		for _, m := range []*member{two, three} {
			eventually(t, "the node that leaves", func() bool {
				m.mu.Lock()
				defer m.mu.Unlock()
				return slices.Equal(m.left, []string{one.ID()})
			})
		}
		if len(one.letters) > 0 {
			t.Errorf("got its own: %q", one.letters)
		}
	})
}

func TestClose(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		b := make(config(t))
		one, two := join(t, b, "/"), join(t, b, "/")
		const many = 2000
		for range many {
			one.publish(event("/", "x"))
		}
		for range 2 {
			if err := one.Close(); err != nil {
				t.Error(err)
			}
		}
		two.wait(many)
		for what, err := range map[string]error{
			"Publish": one.Publish(event("/", "x")),
			"Reply":   one.Reply(backplane.Message{Request: "x"}, backplane.Message{Kind: backplane.Ack}),
			"Relay":   one.Relay("", nil),
		} {
			if err != backplane.ErrClosed {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := one.Peers(t.Context(), "/"); err != backplane.ErrClosed {
			t.Errorf("Peers: %v", err)
		}
		one.Open("/late")
		one.Shut("/")
		two.publish(event("/", "late"))
		two.wait(many)
		one.wait(0)
	})
}

// TestCloseInReceive holds that a host may close its node while it is given a message.
func TestCloseInReceive(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		b := make(config(t))
		one := join(t, b, "/")
		var two *member
		ready := newSignal()
		two = joinAnd(t, b, func(backplane.Message) { <-ready; _ = two.Close() }, "/")
		close(ready)
		for range 3 {
			one.publish(event("/", "x"))
		}
		eventually(t, "the end", func() bool { return peers(t, one, "/") == 0 })
		two.wait(1)
	})
}

func newSignal() chan struct{} { return make(chan struct{}) }

// TestRefused holds what is refused at once.
func TestRefused(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		cfg := config(t)
		cfg.MaxMessageBytes = 1000
		b := make(cfg)
		one, two := join(t, b, "/"), join(t, b, "/")
		question := backplane.Message{From: two.ID(), Namespace: "/", Request: "q"}
		for what, err := range map[string]error{
			"too long":      one.Publish(event("/", strings.Repeat("x", 1000))),
			"no kind":       one.Publish(backplane.Message{Namespace: "/"}),
			"no array":      one.Publish(backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Data: backplane.Data{JSON: []byte(`"x"`)}}),
			"no data":       one.Publish(backplane.Message{Kind: backplane.ServerSideEmit, Namespace: "/"}),
			"a room":        one.Publish(event("/", "x", "\xff")),
			"wrong answer":  one.Reply(question, event("/", "x")),
			"no such kind":  one.Reply(question, backplane.Message{Kind: 99}),
			"a long answer": one.Reply(question, backplane.Message{Kind: backplane.Ack, Data: backplane.Data{JSON: []byte(`"` + strings.Repeat("x", 1000) + `"`)}}),
		} {
			if err == nil || errors.Is(err, backplane.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
		one.publish(event("/", "good"))
		two.wait(1)
	})
}

// TestConfig holds what cannot be.
func TestConfig(t *testing.T) {
	client := connect(t, server.Addr())
	for name, c := range map[string]Config{
		"no client": {}, "a prefix": {Client: client, Prefix: "a#b"}, "a mode": {Client: client, SubscriptionMode: 3},
	} {
		both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
			if _, err := make(c).Join(t.Context(), (&member{}).host(nil)); err == nil || !strings.HasPrefix(err.Error(), "redis: Config.") {
				t.Errorf("%s: %v", name, err)
			}
		})
		if _, err := NewEmitter(c); err == nil {
			t.Errorf("%s: there is an emitter", name)
		}
	}
	gone := connect(t, "127.0.0.1:1")
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		if _, err := make(Config{Client: gone}).Join(t.Context(), (&member{}).host(nil)); err == nil || !strings.Contains(err.Error(), "Config.Client") {
			t.Errorf("without a server: %v", err)
		}
	})
}
