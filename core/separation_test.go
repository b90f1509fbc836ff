package socketio_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// Two namespaces have nothing in common but the connections: not their sockets, not
// their rooms, though these have the same names.
func TestNamespacesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		chat := io.Of("/chat")
		join := func(_ context.Context, s *socketio.Socket) error { return s.Join("room") }
		io.OnConnection(join)
		chat.OnConnection(join)
		in := func(namespace string) *siotest.Client {
			return siotest.Dial(t, io, siotest.Options{Namespace: namespace})
		}
		clients := map[string]*siotest.Client{"a": in("/"), "b": in("/"), "c": in("/chat"), "d": in("/chat")}
		crowd := &crowd{io, clients}
		settle()
		for name, row := range map[string]struct {
			to   socketio.Emitter
			want string
		}{
			"the main one":           {io, "ab"},
			"the other":              {chat, "cd"},
			"a room of the main one": {io.To("room"), "ab"},
			"a room of the other":    {chat.To("room"), "cd"},
			"all but an id of its":   {chat.Except(clients["c"].ID()), "d"},
			"all but another's id":   {chat.Except(clients["a"].ID()), "cd"},
			"an id of another":       {chat.To(clients["a"].ID()), ""},
			"a socket's others":      {chat.Socket(clients["c"].ID()).Broadcast(), "d"},
		} {
			for _, arg := range []any{"text", []byte("binary")} {
				must(t, row.to.Emit("event", arg))
				if got := crowd.reached(); got != row.want {
					t.Errorf("%s, %T: reached %q, want %q", name, arg, got, row.want)
				}
			}
		}
		who := make(map[string]string)
		for name, c := range clients {
			who[c.ID()] = name
		}
		for name, row := range map[string]struct {
			of interface {
				FetchSockets(context.Context) ([]*socketio.RemoteSocket, error)
			}
			want string
		}{
			"the main one":        {io, "ab"},
			"the other":           {chat, "cd"},
			"a room of the other": {chat.In("room"), "cd"},
		} {
			found, err := row.of.FetchSockets(t.Context())
			got := ""
			for _, s := range found {
				got += who[s.ID()]
			}
			if got = sorted(got); err != nil || got != row.want {
				t.Errorf("%s: found %q, %v, want %q", name, got, err, row.want)
			}
		}
	})
}

func sorted(letters string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Split(letters, ""))), "")
}

// However long they take, middlewares are called one after another, and only those
// of the namespace that is joined.
func TestEachNamespaceHasItsOwnMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		step := func(name string, takes time.Duration) use {
			return func(context.Context, *socketio.Socket) (context.Context, error) {
				time.Sleep(takes)
				seen.add("%s", name)
				return nil, nil
			}
		}
		io.Use(step("main", 0))
		chat := io.Of("/chat")
		chat.Use(step("slow", 3*time.Second))
		chat.Use(step("quick", 0))
		chat.Use(step("last", time.Second))
		chat.OnConnection(func(context.Context, *socketio.Socket) error { seen.add("connected"); return nil })
		start := time.Now()
		siotest.Dial(t, io, siotest.Options{Namespace: "/chat"})
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("answered after %v", took)
		}
		settle()
		seen.want(t, "slow", "quick", "last", "connected")
	})
}

// The request is the connection's, the payload of the CONNECT each socket's own.
func TestTheHandshakesOfOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		for _, n := range []*socketio.Namespace{io.Namespace, io.Of("/chat")} {
			n.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
				h, auth := s.Handshake(), map[string]string{}
				err := h.BindAuth(&auth)
				seen.add("%s %s %q %q %q %v", n.Name(), s.Conn().ID(), h.Query.Get("key"), h.Headers.Get("X-Page"), auth, err)
				if s.Conn().Request().RawQuery != "EIO=4&key=of+all&transport=websocket" || h.Query.Get("EIO") != "4" {
					t.Errorf("%s: the request is %q", n.Name(), s.Conn().Request().RawQuery)
				}
				return nil, nil
			})
		}
		c := siotest.Dial(t, io, siotest.Options{
			Query: map[string][]string{"key": {"of all"}}, Headers: map[string][]string{"X-Page": {"7"}}, Auth: map[string]string{"key": "first"},
		})
		c.SendRaw(`40/chat,{"key":"&=second"}`)
		settle()
		conn := socketOf(t, io.Namespace, c).Conn().ID()
		seen.want(t, "/ "+conn+` "of all" "7" map["key":"first"] <nil>`, "/chat "+conn+` "of all" "7" map["key":"&=second"] <nil>`)
	})
}

// Values of every kind come back as they went, by either transport.
func TestValuesComeBackAsTheyWent(t *testing.T) {
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				for _, event := range []string{"message", "größe"} {
					io.OnEvent(event, func(_ context.Context, e *socketio.Event) error {
						args := make([]any, e.Len())
						for i := range args {
							args[i] = must1(e.Args().Value(i))
						}
						return e.Socket().Emit(event, args...)
					})
				}
				c := siotest.Dial(t, io, siotest.Options{Transport: transport})
				settle()
				c.Raw()
				for _, sent := range [][]any{
					{`42["message",1337]`},
					{`42["message",null]`},
					{`42["message"]`},
					{`42["größe","utf8 — 漢字 😀"]`},
					{`452-["message",1,{"_placeholder":true,"num":0},"3",[4],[{"_placeholder":true,"num":1},"swag"]]`, []byte{0xff, 0xd8}, []byte("asdf")},
					{`451-["message",{"_placeholder":true,"num":0}]`, []byte{}},
					{`451-["message",{"_placeholder":true,"num":0}]`, bytes.Repeat([]byte("x"), 700_000)},
				} {
					c.SendRaw(sent...)
					settle()
					wantRaw(t, "the client", c, sent...)
				}
			})
		})
	}
}
