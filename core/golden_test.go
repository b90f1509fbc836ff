package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A recorded is what the reference server did in one case.
type recorded struct {
	Case   string   `json:"case"`
	Got    []string `json:"got"`
	WS     []string `json:"ws"`
	Body   string   `json:"body"`
	Closed *struct {
		C int `json:"c"`
	} `json:"closed"`
}

func (r recorded) name() string { return r.Case }

// goldenCases returns what was recorded in a file, by name.
func goldenCases[R interface{ name() string }](t *testing.T, file string) map[string]R {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	must(t, err)
	var all []R
	must(t, json.Unmarshal(data, &all))
	byName := make(map[string]R)
	for _, r := range all {
		byName[r.name()] = r
	}
	return byName
}

// goldenServer is the one that was recorded.
func goldenServer(t *testing.T) *server {
	io := serve(t, socketio.Config{PingInterval: time.Second, PingTimeout: 500 * time.Millisecond, MaxPayload: 1000, ConnectTimeout: 1500 * time.Millisecond})
	io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
		var auth struct {
			Fail bool `json:"fail"`
		}
		if err := s.Handshake().BindAuth(&auth); err != nil {
			return nil, err
		}
		if auth.Fail {
			return nil, &socketio.Error{Message: "not authorized", Data: map[string]int{"a": 1}}
		}
		return nil, nil
	})
	io.OnEvent("a", func(_ context.Context, e *socketio.Event) error { return e.Ack("ack") })
	return io
}

// What a client sends after the handshake, and why its socket ends.
var goldenTable = []struct {
	name      string
	connected bool
	send      []any
	reason    string // of the socket's end, "" if there is none
}{
	{"ws 2nd CONNECT same nsp -> close", true, []any{"40"}, "forced close"},
	{`ws event before connect 42["a"]`, false, []any{`42["a"]`}, ""},
	{"ws invalid json 42{", true, []any{"42{"}, "forced close"},
	{"ws unknown type 9 49", true, []any{"49"}, "forced close"},
	{`ws reserved event 42["disconnect"]`, true, []any{`42["disconnect"]`}, "forced close"},
	{"ws event number name 42[1,2]", true, []any{"42[1,2]"}, ""},
	{"ws empty array event 42[]", true, []any{"42[]"}, "forced close"},
	{"ws CONNECT with array payload 40[1]", false, []any{"40[1]"}, ""},
	{"ws bad nsp 40/unknown,", false, []any{"40/unknown,"}, ""},
	{"ws bad nsp with query 40/unknown?x=1,", false, []any{"40/unknown?x=1,"}, ""},
	{`ws auth fail 40{"fail":true}`, false, []any{`40{"fail":true}`}, ""},
	{"ws disconnect packet 41", true, []any{"41"}, "client namespace disconnect"},
	{`ws ack id 4212["a"]`, true, []any{`4212["a"]`}, ""},
	{"ws binary w/o header <01>", true, []any{[]byte{1}}, "forced close"},
	{`ws 451- then text 451-["a",{"_placeholder":true,"num":0}]|42["b"]`, true,
		[]any{`451-["a",{"_placeholder":true,"num":0}]`, `42["b"]`}, "forced close"},
	{`ws 450- 450-["a"]`, true, []any{`450-["a"]`}, "forced close"},
	{`ws 4511- 4511-["a"]`, true, []any{`4511-["a"]`}, "forced close"},
	{`ws placeholder out of range 451-["a",{"_placeholder":true,"num":5}]|BIN`, true,
		[]any{`451-["a",{"_placeholder":true,"num":5}]`, []byte("BIN")}, "forced close"},
	{`ws nsp no comma 42/foo["x"]`, true, []any{`42/foo["x"]`}, "forced close"},
	{"ws eio ping from client 2", true, []any{"2"}, "transport error"},
	{"ws eio noop 6", true, []any{"6"}, ""},
	{"ws eio upgrade 5", true, []any{"5"}, ""},
	{"ws eio unknown 9", true, []any{"9"}, "parse error"},
}

func TestLikeTheReference(t *testing.T) {
	cases := goldenCases[recorded](t, "golden.json")
	for _, row := range goldenTable {
		t.Run(row.name, func(t *testing.T) {
			recorded, ok := cases[row.name]
			if !ok {
				t.Fatal("not in the golden file")
			}
			synctest.Test(t, func(t *testing.T) {
				io := goldenServer(t)
				ends := reasons(io)
				c := siotest.Open(t, io, siotest.Options{})
				if row.connected {
					must(t, c.Connect())
				}
				settle()
				c.Raw()
				c.SendRaw(row.send...)
				settle()

				var want []any
				for _, m := range recorded.Got {
					if !strings.HasPrefix(m, `40{"sid"`) { // an answer to the CONNECT before
						want = append(want, m)
					}
				}
				wantRaw(t, "the client", c, want...)
				if c.Closed() != (recorded.Closed != nil) {
					t.Errorf("closed: %v, the reference: %v", c.Closed(), recorded.Closed)
				}
				if row.reason == "" {
					ends.want(t)
				} else {
					ends.want(t, row.reason)
				}
			})
		})
	}
}

func TestTheServerEndsLikeTheReference(t *testing.T) {
	cases := goldenCases[recorded](t, "golden.json")
	for _, row := range []struct {
		name      string
		transport string
		end       func(t *testing.T, io *server, s *socketio.Socket)
		reason    string
	}{
		{"server disconnect(false)", engine.WebSocket, func(t *testing.T, _ *server, s *socketio.Socket) { must(t, s.Disconnect(false)) }, "server namespace disconnect"},
		{"server disconnect(true)", engine.WebSocket, func(t *testing.T, _ *server, s *socketio.Socket) { must(t, s.Disconnect(true)) }, "server namespace disconnect"},
		{"server disconnect(true) on polling", engine.Polling, func(t *testing.T, _ *server, s *socketio.Socket) { must(t, s.Disconnect(true)) }, "server namespace disconnect"},
		{"io.close() on ws", engine.WebSocket, func(t *testing.T, io *server, _ *socketio.Socket) { must(t, io.Shutdown(t.Context())) }, "server shutting down"},
		{"io.close() on polling", engine.Polling, func(t *testing.T, io *server, _ *socketio.Socket) { must(t, io.Shutdown(t.Context())) }, "server shutting down"},
	} {
		t.Run(row.name, func(t *testing.T) {
			recorded, ok := cases[row.name]
			if !ok {
				t.Fatal("not in the golden file")
			}
			synctest.Test(t, func(t *testing.T) {
				io := goldenServer(t)
				ends := reasons(io)
				c := siotest.Dial(t, io, siotest.Options{Transport: row.transport})
				settle()
				c.Raw()
				row.end(t, io, io.Socket(c.ID()))
				settle()

				var want []any
				for _, m := range append(recorded.WS, recorded.Body) {
					if m == "41" {
						want = append(want, m)
					}
				}
				wantRaw(t, "the client", c, want...)
				if closes := recorded.Closed != nil || row.transport == engine.Polling; c.Closed() != closes {
					t.Errorf("closed: %v, the reference: %v", c.Closed(), closes)
				}
				ends.want(t, row.reason)
			})
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	for _, transport := range []string{engine.WebSocket, engine.Polling} {
		for _, send := range []string{"", "40/unknown,", "41", `40{"fail":true}`} {
			t.Run(fmt.Sprintf("%s %q", transport, send), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					io := goldenServer(t)
					start := time.Now()
					c := siotest.Open(t, io, siotest.Options{Transport: transport})
					if send != "" && send != "41" {
						c.SendRaw(send)
					}
					time.Sleep(1490 * time.Millisecond)
					synctest.Wait()
					if c.Closed() {
						t.Fatalf("closed after %v", time.Since(start))
					}
					time.Sleep(20 * time.Millisecond)
					synctest.Wait()
					if !c.Closed() {
						t.Error("not closed after the connect timeout")
					}
				})
			})
		}
	}
}

// Of a polling client that does not come back nothing is kept beyond that time: its
// end does not wait for a poll.
func TestConnectTimeoutOfAnAbandonedHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{ConnectTimeout: 5 * time.Second})
		io.Engine().ServePoll(t.Context(), &engine.Request{Method: "GET", RawQuery: "EIO=4&transport=polling"})
		time.Sleep(5*time.Second - time.Millisecond)
		synctest.Wait()
		if n := io.Stats().Engine.Sessions; n != 1 {
			t.Fatalf("%d sessions before the timeout", n)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := io.Stats().Engine.Sessions; n != 0 {
			t.Errorf("%d sessions after the timeout", n)
		}
	})
}

func TestAClientThatHasJoinedMeetsNoConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := goldenServer(t)
		c := dial(t, io)
		c.Leave() // now it has none, but it had
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if c.Closed() {
			t.Error("closed")
		}
		must(t, c.Connect())
	})
}

func TestUnansweredPingsEndTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := goldenServer(t)
		ends := reasons(io)
		siotest.Dial(t, io, siotest.Options{Silent: true})
		time.Sleep(1600 * time.Millisecond)
		synctest.Wait()
		ends.want(t, "ping timeout")
	})
}
