package socketio_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// openV2 opens the connection of an older client, which is in "/" at once.
func openV2(t *testing.T, io *server) *siotest.Client {
	t.Helper()
	c := siotest.Open(t, io, siotest.Options{Query: url.Values{"EIO": {"3"}}})
	settle()
	return c
}

// What an older client sends once it is in "/", what it is told, and why its sockets
// end, in the order of their ends.
func TestOlderClients(t *testing.T) {
	long := strings.Repeat("x", 512)
	for _, c := range []struct {
		name   string
		send   []any
		told   []any
		closed bool
		ends   []string
	}{
		{"a namespace", []any{"40/chat"}, []any{"40/chat,"}, false, nil},
		{"a namespace, with a comma", []any{"40/chat,"}, []any{"40/chat,"}, false, nil},
		{"events of both", []any{"40/chat?a=1,", `42/chat,1["who"]`, `422["who"]`}, []any{"40/chat,", `43/chat,1["/chat#SID a=1"]`, `432["SID "]`}, false, nil},
		{"the query of other packets is none", []any{"40/chat?a=1,", `42/chat?a=2,1["who"]`}, []any{"40/chat,", `43/chat,1["/chat#SID a=1"]`}, false, nil},
		{"a payload is no auth", []any{`40/chat?a=1,{"a":"2"}`, `42/chat,1["who"]`}, []any{"40/chat,", `43/chat,1["/chat#SID a=1"]`}, false, nil},
		{"the last of a parameter counts", []any{"40/chat?a=1&a=%26+%2B", `42/chat,1["who"]`}, []any{"40/chat,", `43/chat,1["/chat#SID a=& +"]`}, false, nil},
		{"what is not well-formed is left out", []any{"40/chat?a=%zz&b=%ff&a=3", `42/chat,1["who"]`}, []any{"40/chat,", `43/chat,1["/chat#SID a=3,b=` + "\ufffd" + `"]`}, false, nil},
		{"a long query", []any{"40/chat?a=" + strings.Repeat("x", 8000)}, []any{"40/chat,"}, false, nil},
		{"a query without end", []any{"40/chat?a=" + strings.Repeat("x", 9000)}, nil, true, []string{"SID forced close"}},
		{"a long name", []any{"40/" + long}, nil, true, []string{"SID forced close"}},
		{"an unknown namespace", []any{"40/nowhere?a=1,"}, []any{`44/nowhere,{"message":"Invalid namespace"}`}, false, nil},
		{"refused with a message", []any{"40/strict?why=message"}, []any{`44/strict,"not today"`}, false, nil},
		{"refused with an object", []any{"40/strict?why=object"}, []any{`44/strict,{"code":7}`}, false, nil},
		{"refused with a text", []any{"40/strict?why=text"}, []any{`44/strict,"text"`}, false, nil},
		{"refused with a list", []any{"40/strict?why=list"}, []any{`44/strict,[1]`}, false, nil},
		{"refused with a number", []any{"40/strict?why=number"}, []any{`44/strict,"not today"`}, false, nil},
		{"refused with what no JSON is", []any{"40/strict?why=chan"}, []any{`44/strict,"not today"`}, false, nil},
		{"refused for reasons of our own", []any{"40/strict"}, []any{`44/strict,"internal error"`}, false, nil},
		{`"/" again`, []any{"40"}, nil, true, []string{"SID forced close"}},
		{`"/" again, with a query`, []any{"40/?a=1,"}, nil, true, []string{"SID forced close"}},
		{"a namespace again", []any{"40/chat", "40/chat"}, []any{"40/chat,"}, true, []string{"/chat#SID forced close", "SID forced close"}},
		{`leaves "/", and comes back`, []any{"41", "40"}, []any{"40"}, false, []string{"SID client namespace disconnect"}},
		{"a namespace that it is not in", []any{`42/chat,["who"]`}, nil, true, []string{"SID forced close"}},
		{"a ping", []any{"2"}, nil, false, nil},
		{"a pong", []any{"3"}, nil, true, []string{"SID transport error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, ends := v2Server(t)
				client := openV2(t, io)
				wantRaw(t, "at first the client", client, "40")
				sockets, err := io.FetchSockets(t.Context())
				must(t, err)
				sid := sockets[0].ID()
				for _, m := range c.send {
					client.SendRaw(m)
					settle()
				}
				var told []any
				for _, m := range client.Raw() {
					told = append(told, strings.ReplaceAll(fmt.Sprint(m), sid, "SID"))
				}
				if fmt.Sprintf("%q", told) != fmt.Sprintf("%q", c.told) {
					t.Errorf("told %q, want %q", told, c.told)
				}
				if client.Closed() != c.closed {
					t.Errorf("closed: %v", client.Closed())
				}
				got := ends.got()
				for i := range got {
					got[i] = strings.ReplaceAll(got[i], sid, "SID")
				}
				if len(got) > 1 && got[0] > got[1] { // two workers
					got[0], got[1] = got[1], got[0]
				}
				if fmt.Sprint(got) != fmt.Sprint(c.ends) {
					t.Errorf("ends %q, want %q", got, c.ends)
				}
			})
		})
	}
}

func v2Server(t *testing.T) (*server, *list) {
	io := serve(t, socketio.Config{AllowEIO3: true})
	ends := new(list)
	for _, name := range []string{"/", "/chat"} {
		n := io.Of(name)
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) { ends.add("%s %s", s.ID(), reason) })
		socketio.OnWithAck(n, "who", func(_ context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
			return s.ID() + " " + authOf(t, s), nil
		})
	}
	io.Of("/strict").Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
		data := map[string]any{"message": nil, "object": map[string]int{"code": 7}, "text": "text", "list": []int{1}, "number": 5, "chan": make(chan int)}
		why, known := strings.CutPrefix(authOf(t, s), "why=")
		if !known {
			return nil, fmt.Errorf("a secret")
		}
		return nil, &socketio.Error{Message: "not today", Data: data[why]}
	})
	return io, ends
}

// authOf lists what a socket's auth says.
func authOf(t *testing.T, s *socketio.Socket) string {
	auth := map[string]string{}
	must(t, s.Handshake().BindAuth(&auth))
	var all []string
	for _, key := range []string{"a", "b", "why"} {
		if v, ok := auth[key]; ok {
			all = append(all, key+"="+v)
		}
	}
	return strings.Join(all, ",")
}

// A broadcast reaches clients of both generations, each in its own form.
func TestBothGenerationsInOneRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{AllowEIO3: true})
		old, young := openV2(t, io), dial(t, io)
		settle()
		old.Raw()
		young.Raw()
		must(t, io.Emit("news", []byte{1, 2}))
		settle()
		text := `451-["news",{"_placeholder":true,"num":0}]`
		wantRaw(t, "the old one", old, text, []byte{4, 1, 2})
		wantRaw(t, "the young one", young, text, []byte{1, 2})
	})
}

// The room of a client's id is found under the id that the client works out itself.
func TestOlderClientsAreInTheRoomOfTheirID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, _ := v2Server(t)
		old := openV2(t, io)
		sockets, err := io.FetchSockets(t.Context())
		must(t, err)
		old.Raw()
		must(t, io.To(sockets[0].ID()).Emit("you"))
		settle()
		wantRaw(t, "the client", old, `42["you"]`)
	})
}

// Middleware that takes its time holds up nobody, and a client that is gone by then
// is never connected.
func TestAnOlderClientThatLeavesEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{AllowEIO3: true})
		release := make(chan struct{})
		io.Use(func(context.Context, *socketio.Socket) (context.Context, error) { <-release; return nil, nil })
		io.OnConnection(func(context.Context, *socketio.Socket) error { t.Error("connected"); return nil })
		c := siotest.Open(t, io, siotest.Options{Query: url.Values{"EIO": {"3"}}})
		settle()
		c.Abort()
		settle()
		close(release)
		settle()
	})
}

// A codec that is not JSON's makes the auth of a query as it makes any other.
func TestOlderClientsWithACodecOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{AllowEIO3: true, Codec: shy{packet.JSON()}})
		seen := new(list)
		io.Of("/chat").OnConnection(func(_ context.Context, s *socketio.Socket) error { seen.add("%s", authOf(t, s)); return nil })
		c := openV2(t, io)
		c.SendRaw("40/chat?a=1", "40/chat2?a=1")
		settle()
		seen.want(t, "")
		if io.Stats().Panics == 0 {
			t.Error("no panic")
		}
	})
}

// shy is a codec that panics when it is to encode an auth payload.
type shy struct{ packet.Codec }

func (c shy) Encode(dst []byte, p packet.Outgoing) (packet.Encoded, error) {
	if p.Type == packet.Connect && len(p.Args) > 0 {
		panic("shy")
	}
	return c.Codec.Encode(dst, p)
}
