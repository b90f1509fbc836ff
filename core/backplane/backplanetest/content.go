package backplanetest

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// contents are messages with all that messages can have.
func contents() []backplane.Message {
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	off, on := false, true
	data := func(text string, attachments ...[]byte) backplane.Data {
		return backplane.Data{JSON: []byte(text), Attachments: attachments}
	}
	options := backplane.Options{Rooms: []string{"a", "é\"*", ""}, Except: []string{"b"}, Flags: backplane.Flags{Volatile: true, Compress: &off}}
	socket := backplane.Socket{ID: "id", Rooms: []string{"id", "r"}, Data: data(`{"n":[1,2.5,"x"],"b":null}`), Handshake: backplane.Handshake{
		Headers: map[string]string{"user-agent": "x\ty"}, Query: map[string]string{"EIO": "4", "": ""},
		Time: "Sun Nov 22 2026 12:22:57 GMT+0000 (Coordinated Universal Time)", Issued: 1795350177074,
		Address: "[::1]:80", URL: "/socket.io/?EIO=4", XDomain: true, Secure: true, Auth: data(`{"token":"t"}`),
	}}
	return []backplane.Message{
		{Kind: backplane.Broadcast, Data: data(`["é\u0000\"",1,-1.5,1e300,9007199254740991,true,false,null,[],{},[[{"a":"b"}]],""]`)},
		{Kind: backplane.Broadcast, Data: data(`["rooms"]`), Options: options},
		{Kind: backplane.Broadcast, Data: data(`["room"]`), Options: backplane.Options{Rooms: []string{"one"}}},
		{Kind: backplane.Broadcast, Data: data(`["ack",1]`), Request: "0123456789abcdef",
			Options: backplane.Options{Flags: backplane.Flags{Timeout: 1500 * time.Millisecond, Compress: &on, ExpectSingleResponse: true, Broadcast: true}}},
		{Kind: backplane.Broadcast, Data: data(`["binary",{"_placeholder":true,"num":0},{"x":[{"_placeholder":true,"num":1}]}]`, []byte{}, all[:])},
		{Kind: backplane.Broadcast, Data: data(`["binary",{"_placeholder":true,"num":0}]`, all[:]), Request: "ab", Options: options},
		{Kind: backplane.Broadcast, Data: data(`["no binary",{"_placeholder":true,"num":0}]`)},
		{Kind: backplane.Broadcast, Data: data(`["large","`+strings.Repeat("x", 1<<19)+`",{"_placeholder":true,"num":0}]`, make([]byte, 1<<20))},
		{Kind: backplane.SocketsJoin, Options: options, Rooms: []string{"x", ""}},
		{Kind: backplane.SocketsLeave, Options: options, Rooms: []string{"x"}},
		{Kind: backplane.DisconnectSockets, Options: options},
		{Kind: backplane.DisconnectSockets, Options: options, Close: true},
		{Kind: backplane.FetchSockets, Request: "12", Options: options},
		{Kind: backplane.ServerSideEmit, Data: data(`["event",{"a":1}]`)},
		{Kind: backplane.ServerSideEmit, Data: data(`["event",{"_placeholder":true,"num":0}]`, all[:]), Request: "13"},
		{Kind: backplane.FetchSocketsResponse, Request: "14", Sockets: []backplane.Socket{socket, {
			ID: "/x#y", Rooms: []string{"/x#y"}, Data: data(`{"key":{"_placeholder":true,"num":0}}`, []byte{1}),
			Handshake: backplane.Handshake{Headers: map[string]string{}, Query: map[string]string{}, Auth: data(`{}`)},
		}}},
		{Kind: backplane.FetchSocketsResponse, Request: "15"},
		{Kind: backplane.ServerSideEmitResponse, Request: "16", Data: data(`"pong"`)},
		{Kind: backplane.ServerSideEmitResponse, Request: "17", Data: data(`{"error":{"message":"no"}}`), Failed: true},
		{Kind: backplane.ServerSideEmitResponse, Request: "18", Data: data(`{"_placeholder":true,"num":0}`, []byte{1})},
		{Kind: backplane.ClientCount, Request: "19", Count: 3},
		{Kind: backplane.ClientCount, Request: "20"},
		{Kind: backplane.Ack, Request: "21", Data: data(`[1,2]`)},
		{Kind: backplane.Ack, Request: "22", Data: data(`null`)},
		{Kind: backplane.Ack, Request: "23", Data: data(`{"_placeholder":true,"num":0}`, all[:])},
	}
}

// testContent sends messages of all kinds, with all that they can have.
func testContent(c *cluster) {
	all := c.group(2)
	a, b := all[0], all[1]
	sent := contents()
	for i := range sent {
		sent[i].Namespace, sent[i].From = space, "somebody else"
		m := sent[i]
		switch m.Kind {
		case backplane.FetchSocketsResponse, backplane.ServerSideEmitResponse, backplane.ClientCount, backplane.Ack:
			to := question(b.ID(), m.Request)
			to.Kind = m.Kind - 1
			if m.Kind == backplane.ClientCount || m.Kind == backplane.Ack {
				to.Kind = backplane.Broadcast
			}
			m.Request, m.Namespace = "", ""
			if err := a.Reply(to, m); err != nil {
				c.Errorf("message %d: %v", i, err)
			}
		default:
			a.publish(m)
		}
		c.until("a message", func() bool { return len(b.events()) > i })
		got := plain(b.events()[i])
		want := plain(sent[i])
		want.From = a.ID()
		if got.From == "" && c.cfg.Cannot.AnswerFrom {
			want.From = ""
		}
		if k := m.Kind; c.cfg.Cannot.ChangeFlags && (k == backplane.SocketsJoin || k == backplane.SocketsLeave || k == backplane.DisconnectSockets || k == backplane.FetchSockets) {
			want.Options.Flags, got.Options.Flags = backplane.Flags{}, backplane.Flags{}
		}
		if !reflect.DeepEqual(got, want) {
			c.Errorf("message %d came as %.1500s, want %.1500s", i, text(got), text(want))
		}
	}
}

func text(m backplane.Message) string {
	text, err := json.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// plain makes messages comparable that mean the same.
func plain(m backplane.Message) backplane.Message {
	m.Data = plainData(m.Data)
	m.Offset = backplane.Offset{}
	m.Options.Rooms, m.Options.Except, m.Rooms = plainList(m.Options.Rooms), plainList(m.Options.Except), plainList(m.Rooms)
	sockets := make([]backplane.Socket, len(m.Sockets))
	for i, s := range m.Sockets {
		s.Data, s.Handshake.Auth = plainData(s.Data), plainData(s.Handshake.Auth)
		sockets[i] = s
	}
	m.Sockets = sockets
	return m
}

func plainList(list []string) []string { return append([]string{}, list...) }

func plainData(d backplane.Data) backplane.Data {
	if d.JSON != nil {
		var v any
		if err := json.Unmarshal(d.JSON, &v); err == nil {
			d.JSON, _ = json.Marshal(v)
		}
	}
	attachments := make([][]byte, len(d.Attachments))
	for i, data := range d.Attachments {
		attachments[i] = append([]byte{}, data...)
	}
	d.Attachments = attachments
	return d
}

// hostileNames are names of namespaces, behind the slash, and of rooms, that mean
// something to one bus or other. No two of them are the same.
func hostileNames() []string {
	long := strings.Repeat("x", 70)
	return []string{
		"", "a", "A", "*", ">", "a.b", "a.*", "a.>", "a b", "a\tb", "#", "##", "a#", "#a#", "?", "[]", "[ab]", "a?", "a*", "{a}", "{}",
		"'", `"`, `""`, `a"b`, `'; NOTIFY x; --`, `\`, `\n`, "%", "%20", "a/b", "a//b", "$", "$x", "$SYS", "_", "a_b", "+", "-", "=", "~",
		"é", "e\u0301", "日本", "\U0001F600", "a\nb", "a\r\nb", "\x01", "\x7f", "a:b", "@", "&", "|", "a\x00b", "a\x00c", "\x00",
		long, long + "y", long + "z", strings.Repeat("é", 40), strings.Repeat("é", 40) + "y",
	}
}

// testNames has a node that takes part in every other of some namespaces, and is sent
// something in all of them.
func testNames(c *cluster) {
	all := c.group(3)
	a, b, other := all[0], all[1], all[2]
	var want []string
	var names []string
	for _, name := range hostileNames()[1:] {
		if limit := c.cfg.Cannot.LongNamespaces; limit == 0 || len(name) < limit {
			names = append(names, "/"+name)
		}
	}
	count := func(of *member, name string) int {
		p, err := of.Peers(c.Context(), name)
		if err != nil {
			return -1
		}
		return p.Count
	}
	for i, name := range names {
		a.Open(name)
		switch i % 3 {
		case 0:
			b.Open(name)
			want = append(want, name)
		case 1:
			other.Open(name)
		}
	}
	for i, name := range names {
		c.until("the namespace "+name, func() bool { return count(a, name) == min(1, 2-i%3) })
	}
	for _, name := range names {
		a.publish(messageIn(name, name))
		a.publish(backplane.Message{Kind: backplane.Broadcast, Namespace: name, Options: backplane.Options{Rooms: []string{"a"}}, Data: backplane.Data{JSON: []byte(`["a"]`)}})
	}
	a.publish(message("/"))
	c.until("the last", func() bool { return len(b.events()) > 2*len(want) })
	got := make(map[string]int)
	for _, m := range b.events() {
		if m.Kind == backplane.ServerSideEmit && m.Request != m.Namespace {
			c.Errorf("what was sent in %q came in %q", m.Request, m.Namespace)
		}
		got[m.Namespace]++
	}
	for _, name := range want {
		if got[name] != 2 {
			c.Errorf("%d messages came in %q", got[name], name)
		}
	}
	if len(got) != len(want)+1 {
		c.Errorf("messages of %d namespaces, want %d", len(got), len(want)+1)
	}
}
