package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

func text(json string, attachments ...string) backplane.Data {
	d := backplane.Data{JSON: []byte(json)}
	for _, a := range attachments {
		d.Attachments = append(d.Attachments, []byte(a))
	}
	return d
}

func pointer[T any](v T) *T { return &v }

const (
	everyone   = `"opts":{"rooms":[],"except":[],"flags":{}}`
	bare       = `{"id":"s","handshake":{"headers":{},"time":"","address":"","xdomain":false,"secure":false,"issued":0,"url":"","query":{},"auth":{}},"rooms":[],"data":{}}`
	binaryText = `["x",{"_placeholder":true,"num":0}]`
)

// TestJSON holds what each kind of message is, with nothing set and with everything:
// no array is missing or null, what is not set is absent, and answers are single values.
func TestJSON(t *testing.T) {
	all := backplane.Options{Rooms: []string{"a", "b"}, Except: []string{"c"}, Flags: backplane.Flags{
		Volatile: true, Compress: pointer(true), Timeout: 1500 * time.Millisecond, ExpectSingleResponse: true, Broadcast: true,
	}}
	const allText = `"opts":{"rooms":["a","b"],"except":["c"],"flags":{"volatile":true,"compress":true,"timeout":1500,"expectSingleResponse":true,"broadcast":true}}`
	for want, m := range map[string]backplane.Message{
		`{"type":1,`:  {Kind: InitialHeartbeat},
		`{"type":2,`:  {Kind: Heartbeat},
		`{"type":13,`: {Kind: backplane.NodeLeft},
		`{"type":3,"data":{"packet":{"type":2,"data":["x"]},` + everyone + `},`:                  {Kind: backplane.Broadcast, Data: text(`["x"]`)},
		`{"type":3,"data":{"packet":{"type":2,"data":["x",1]},"requestId":"r",` + allText + `},`: {Kind: backplane.Broadcast, Data: text(`["x",1]`), Request: "r", Options: all},
		`{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[],"except":[],"flags":{"compress":false}}},`: {
			Kind: backplane.Broadcast, Data: text(`["x"]`), Options: backplane.Options{Flags: backplane.Flags{Compress: pointer(false)}}},
		`{"type":4,"data":{` + everyone + `,"rooms":[]},`:                           {Kind: backplane.SocketsJoin},
		`{"type":4,"data":{` + allText + `,"rooms":["r\"\\\u0001\n/\u2028"]},`:      {Kind: backplane.SocketsJoin, Options: all, Rooms: []string{"r\"\\\x01\n/\u2028"}},
		`{"type":5,"data":{` + everyone + `,"rooms":["",""]},`:                      {Kind: backplane.SocketsLeave, Rooms: []string{"", ""}},
		`{"type":6,"data":{` + everyone + `,"close":false},`:                        {Kind: backplane.DisconnectSockets},
		`{"type":6,"data":{` + allText + `,"close":true},`:                          {Kind: backplane.DisconnectSockets, Options: all, Close: true},
		`{"type":7,"data":{` + everyone + `,"requestId":"r"},`:                      {Kind: backplane.FetchSockets, Request: "r"},
		`{"type":8,"data":{"requestId":"r","sockets":[]},`:                          {Kind: backplane.FetchSocketsResponse, Request: "r"},
		`{"type":8,"data":{"requestId":"r","sockets":[` + bare + `,` + bare + `]},`: {Kind: backplane.FetchSocketsResponse, Request: "r", Sockets: []backplane.Socket{{ID: "s"}, {ID: "s"}}},
		`{"type":9,"data":{"packet":["x"]},`:                                        {Kind: backplane.ServerSideEmit, Data: text(`["x"]`)},
		`{"type":9,"data":{"requestId":"r","packet":["x"]},`:                        {Kind: backplane.ServerSideEmit, Data: text(`["x"]`), Request: "r"},
		`{"type":10,"data":{"requestId":"r","packet":"pong"},`:                      {Kind: backplane.ServerSideEmitResponse, Data: text(`"pong"`), Request: "r"},
		`{"type":10,"data":{"requestId":"r","packet":[1],"failed":true},`:           {Kind: backplane.ServerSideEmitResponse, Data: text(`[1]`), Request: "r", Failed: true},
		`{"type":10,"data":{"requestId":"r"},`:                                      {Kind: backplane.ServerSideEmitResponse, Request: "r"},
		`{"type":11,"data":{"requestId":"r","clientCount":0},`:                      {Kind: backplane.ClientCount, Request: "r"},
		`{"type":11,"data":{"requestId":"r","clientCount":70000},`:                  {Kind: backplane.ClientCount, Request: "r", Count: 70000},
		`{"type":12,"data":{"requestId":"r","packet":null},`:                        {Kind: backplane.Ack, Data: text(`null`), Request: "r"},
		`{"type":12,"data":{"requestId":"r"},`:                                      {Kind: backplane.Ack, Request: "r"},
	} {
		m.From, m.Namespace = "0123456789abcdef", "/"
		want = strings.ReplaceAll(want, "\\u2028", "\u2028") + `"uid":"0123456789abcdef","nsp":"/"}`
		got, err := AppendJSON([]byte("kept{"), m)
		if string(got) != "kept{"+want || err != nil {
			t.Errorf("got %s, %v, want %s", got, err, want)
			continue
		}
		if some, err := Append(nil, m); string(some) != want || err != nil {
			t.Errorf("Append: %s, %v", some, err)
		}
		data, err := AppendDataJSON([]byte("kept,"), m)
		if _, wantData, has := strings.Cut(strings.TrimSuffix(want, `,"uid":"0123456789abcdef","nsp":"/"}`), `"data":`); err != nil || has && string(data) != "kept,"+wantData || !has && string(data) != "kept," {
			t.Errorf("data %s, %v", data, err)
		}
		packed, err := AppendMsgpack([]byte("kept"), m)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		d, rest, err := ReadValue(packed[4:], Limits{})
		if err != nil || len(rest) > 0 || string(d.JSON) != want {
			t.Errorf("msgpack: %s, %v, want %s", d.JSON, err, want)
		}
		for name, message := range map[string][]byte{"JSON": got[5:], "msgpack": packed[4:]} {
			again, err := Decode(message, Limits{})
			if err != nil || !reflect.DeepEqual(again, normal(m)) {
				t.Errorf("%s read again:\n got %+v, %v\nwant %+v", name, again, err, normal(m))
			}
		}
	}
}

// normal returns a message as it is read again.
func normal(m backplane.Message) backplane.Message {
	if len(m.Rooms) == 0 {
		m.Rooms = nil
	}
	var sockets []backplane.Socket
	for _, s := range m.Sockets {
		for _, d := range []*backplane.Data{&s.Data, &s.Handshake.Auth} {
			if d.JSON == nil {
				*d = emptyObject()
			}
		}
		for _, texts := range []*map[string]string{&s.Handshake.Headers, &s.Handshake.Query} {
			if *texts == nil {
				*texts = map[string]string{}
			}
		}
		sockets = append(sockets, s)
	}
	m.Sockets = sockets
	return m
}

func TestHasBinary(t *testing.T) {
	binary := text(binaryText, "1")
	for _, m := range []backplane.Message{
		{Kind: backplane.Broadcast, Data: binary},
		{Kind: backplane.ServerSideEmit, Data: binary},
		{Kind: backplane.ServerSideEmitResponse, Data: binary, Request: "r"},
		{Kind: backplane.Ack, Data: binary, Request: "r"},
		{Kind: backplane.FetchSocketsResponse, Request: "r", Sockets: []backplane.Socket{{ID: "x"}, {ID: "s", Data: binary}}},
		{Kind: backplane.FetchSocketsResponse, Request: "r", Sockets: []backplane.Socket{{ID: "s", Handshake: backplane.Handshake{Auth: binary}}}},
	} {
		if !HasBinary(m) {
			t.Errorf("%+v has none", m)
		}
		if b, err := AppendJSON([]byte("kept"), m); err == nil || string(b) != "kept" {
			t.Errorf("%d as JSON: %q, %v", m.Kind, b, err)
		}
		b, err := Append(nil, m)
		if err != nil || b[0] == '{' {
			t.Fatalf("%q, %v", b, err)
		}
		again, err := Decode(b, Limits{})
		if err != nil || !reflect.DeepEqual(again, normal(m)) || !HasBinary(again) {
			t.Errorf("\n got %+v, %v\nwant %+v", again, err, normal(m))
		}
		m.Data.Attachments = nil
		for i := range m.Sockets {
			m.Sockets[i].Data.Attachments, m.Sockets[i].Handshake.Auth.Attachments = nil, nil
		}
		if HasBinary(m) {
			t.Errorf("%+v has some", m)
		}
	}
}

// TestNotEncoded holds what is refused, and that nothing is appended then.
func TestNotEncoded(t *testing.T) {
	event := text(`["x"]`)
	for name, m := range map[string]backplane.Message{
		"no kind":                  {},
		"a kind to come":           {Kind: 14},
		"a broadcast of nothing":   {Kind: backplane.Broadcast},
		"a broadcast of no array":  {Kind: backplane.Broadcast, Data: text(`{"x":1}`)},
		"an event of no array":     {Kind: backplane.ServerSideEmit, Data: text(`"x"`)},
		"a question without an id": {Kind: backplane.FetchSockets},
		"sockets for nobody":       {Kind: backplane.FetchSocketsResponse},
		"an answer for nobody":     {Kind: backplane.ServerSideEmitResponse, Data: event},
		"a count for nobody":       {Kind: backplane.ClientCount},
		"an ack for nobody":        {Kind: backplane.Ack, Data: event},
		"a room of no UTF-8":       {Kind: backplane.SocketsJoin, Rooms: []string{"a", "\xff"}},
		"to no UTF-8":              {Kind: backplane.Broadcast, Data: event, Options: backplane.Options{Rooms: []string{"a\xc3"}}},
		"except no UTF-8":          {Kind: backplane.Broadcast, Data: event, Options: backplane.Options{Except: []string{"\xed\xa0\x80"}}},
		"a namespace of no UTF-8":  {Kind: backplane.NodeLeft, Namespace: "/\xff"},
		"from no UTF-8":            {Kind: backplane.NodeLeft, From: "\xff"},
		"a request of no UTF-8":    {Kind: backplane.FetchSockets, Request: "\xff"},
		"a socket of no UTF-8":     {Kind: backplane.FetchSocketsResponse, Request: "r", Sockets: []backplane.Socket{{ID: "\xff"}}},
	} {
		for _, encode := range []func([]byte, backplane.Message) ([]byte, error){Append, AppendJSON, AppendMsgpack} {
			if b, err := encode([]byte("kept"), m); err == nil || string(b) != "kept" || !strings.HasPrefix(err.Error(), "wire: ") {
				t.Errorf("%s: %q, %v", name, b, err)
			}
		}
		for _, encode := range []func([]byte, backplane.Message) ([]byte, error){AppendDataJSON, AppendDataMsgpack} {
			if b, err := encode([]byte("kept"), m); m.Kind != backplane.NodeLeft && (err == nil || string(b) != "kept") {
				t.Errorf("%s: data %q, %v", name, b, err)
			}
		}
		if _, err := Append(nil, m); (m.Kind == 0 || m.Kind == 14) != errors.Is(err, ErrUnknownKind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Append(nil, backplane.Message{Kind: backplane.SocketsJoin, Rooms: []string{"first\xff", "second\xff"}}); !strings.Contains(err.Error(), "first") {
		t.Errorf("not the first error: %v", err)
	}
	bad := backplane.Message{Kind: backplane.Broadcast, Data: text(`["x",{"_placeholder":true,"num":1}]`, "a")}
	if b, err := AppendMsgpack(nil, bad); err == nil {
		t.Errorf("an attachment that is not there: %q", b)
	}
}

// TestHandshake holds how what a client has said is written: as text, whatever it is.
func TestHandshake(t *testing.T) {
	s := backplane.Socket{ID: "s", Rooms: []string{"s", "b"}, Data: text(`{"n":[1]}`), Handshake: backplane.Handshake{
		Headers: map[string]string{"x-b": "2", "x-a": "1\xff", "b\"\xff": ""}, Query: map[string]string{"EIO": "4", "": "x"},
		Time: "Sun Nov 22 2026", Issued: 1795350177074, Address: "::1", URL: "/?a=\xff", XDomain: true, Secure: true, Auth: text(`{"token":"t"}`),
	}}
	m := backplane.Message{Kind: backplane.FetchSocketsResponse, Request: "r", Sockets: []backplane.Socket{s}}
	const want = `{"requestId":"r","sockets":[{"id":"s","handshake":{"headers":{"b\"�":"","x-a":"1�","x-b":"2"},"time":"Sun Nov 22 2026",` +
		`"address":"::1","xdomain":true,"secure":true,"issued":1795350177074,"url":"/?a=�","query":{"":"x","EIO":"4"},"auth":{"token":"t"}},"rooms":["s","b"],"data":{"n":[1]}}]}`
	got, err := AppendDataJSON(nil, m)
	if string(got) != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	packed, err := AppendDataMsgpack(nil, m)
	if d, _, err2 := ReadValue(packed, Limits{}); string(d.JSON) != want || err != nil || err2 != nil {
		t.Errorf("msgpack: %s, %v, %v", d.JSON, err, err2)
	}
	for _, data := range [][]byte{got, packed} {
		again, err := DecodeData(m.Kind, data, Limits{})
		h := again.Sockets[0].Handshake
		if err != nil || h.Headers["x-a"] != "1\ufffd" || h.Query[""] != "x" || h.Issued != 1795350177074 || !h.XDomain || !h.Secure ||
			h.Address != "::1" || h.Time != "Sun Nov 22 2026" || h.URL != "/?a=\ufffd" || string(h.Auth.JSON) != `{"token":"t"}` {
			t.Errorf("%+v, %v", again, err)
		}
	}
}

// TestTimeout holds that timeouts are whole milliseconds, of which there is one at least.
func TestTimeout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Nanosecond: `{"timeout":1}`, time.Millisecond - 1: `{"timeout":1}`, 1999 * time.Microsecond: `{"timeout":1}`,
		time.Hour: `{"timeout":3600000}`, 0: `{}`, -time.Second: `{}`,
	} {
		w := NewWriter(nil, false)
		w.Flags(backplane.Flags{Timeout: d})
		if b, err := w.Bytes(); string(b) != want || err != nil {
			t.Errorf("%v: %s, %v", d, b, err)
		}
		w = NewWriter(nil, true)
		w.Flags(backplane.Flags{Timeout: d})
		b, _ := w.Bytes()
		if d, _, _ := ReadValue(b, Limits{}); string(d.JSON) != want {
			t.Errorf("%v: %s", d, d.JSON)
		}
	}
}
