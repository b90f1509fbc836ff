package siotest_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var got []int
		socketio.On(io, "n", func(_ context.Context, _ *socketio.Socket, n int) error { got = append(got, n); return nil })
		c := siotest.Dial(t, io, siotest.Options{Transport: engine.Polling})
		conn := io.Socket(c.ID()).Conn()
		var sending sync.WaitGroup
		sending.Go(func() {
			for n := range 100 {
				c.Emit("n", n)
				_ = io.Emit("n", n)
				time.Sleep(3 * time.Millisecond)
			}
		})
		time.Sleep(100 * time.Millisecond)
		c.Upgrade()
		if conn.Transport() != engine.WebSocket {
			t.Error("the client has not moved")
		}
		sending.Wait()
		synctest.Wait()
		for n, e := range c.Events() {
			var m int
			if err := e.Bind(&m); err != nil || m != n {
				t.Fatalf("event %d is %d: %v", n, m, err)
			}
		}
		for n, m := range got {
			if n != m {
				t.Fatalf("the server got %v", got)
			}
		}
		if len(got) != 100 {
			t.Errorf("the server got %d of 100", len(got))
		}
		time.Sleep(time.Hour) // pings are answered here too
		if c.Closed() {
			t.Error("the connection has not outlived an hour")
		}
		c.Stall()
		_ = io.Emit("later")
		_ = io.Emit("later")
		time.Sleep(time.Second)
		if n := len(c.Events()); n != 0 {
			t.Errorf("a stalled client got %d events", n)
		}
		c.Resume()
		c.Expect("later")
	})
}

func TestEndsAfterAnUpgrade(t *testing.T) {
	for name, end := range map[string]func(c *siotest.Client){
		"Close": (*siotest.Client).Close, "Abort": (*siotest.Client).Abort, "none": func(*siotest.Client) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				c := siotest.Dial(t, io, siotest.Options{Transport: engine.Polling})
				c.Upgrade()
				end(c)
				if name != "none" {
					<-c.Done()
					if n := io.Stats().Sockets; n != 0 {
						t.Errorf("%d sockets", n)
					}
				}
			})
		})
	}
}

func TestUpgradesThatFail(t *testing.T) {
	for name, row := range map[string]struct {
		cfg  socketio.Config
		do   func(c *siotest.Client)
		want string
	}{
		"a WebSocket": {socketio.Config{}, func(c *siotest.Client) { c.Upgrade() }, "only a client that polls"},
		"twice":       {socketio.Config{}, func(c *siotest.Client) { c.Upgrade(); c.Upgrade() }, "has moved already"},
		"disabled":    {socketio.Config{DisableUpgrades: true}, func(c *siotest.Client) { c.Upgrade() }, "refused: 400"},
		"closed":      {socketio.Config{}, func(c *siotest.Client) { c.Close(); <-c.Done(); c.Upgrade() }, "refused: 400"},
		"stalled":     {socketio.Config{}, func(c *siotest.Client) { c.Stall(); time.Sleep(time.Second); c.Upgrade() }, "did not end in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, tb := serve(t, row.cfg), new(fake)
				opts := siotest.Options{Transport: engine.Polling}
				if name == "a WebSocket" {
					opts.Transport = ""
				}
				c := siotest.Dial(tb, io, opts)
				if name == "stalled" {
					_ = io.Emit("x") // ends the poll that hangs
				}
				func() {
					defer func() { _ = recover() }()
					row.do(c)
				}()
				if !strings.Contains(tb.text, row.want) {
					t.Errorf("failed with %q, want %q", tb.text, row.want)
				}
				c.Abort()
			})
		})
	}
}

func TestSeveralNamespaces(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		chat := io.Of("/chat")
		chat.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
			var auth struct {
				Name string `json:"name"`
			}
			if err := s.Handshake().BindAuth(&auth); err != nil || auth.Name == "" {
				return nil, &socketio.Error{Message: "a name is needed"}
			}
			return ctx, nil
		})
		for _, n := range []*socketio.Namespace{io.Namespace, chat} {
			socketio.OnWithAck(n, "where", func(_ context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
				return s.Namespace().Name(), nil
			})
		}
		c := siotest.Dial(t, io, opts)
		other := c.Of("/chat")
		if other.ID() != "" || c.Of("/chat") != other || c.Of("/") != c {
			t.Error("a namespace has one socket, which does not connect by itself")
		}
		if err := other.Connect(); err == nil || err.Error() != "CONNECT refused: a name is needed" {
			t.Error(err)
		}
		other.SetAuth(map[string]string{"name": "ann"})
		if err := other.Connect(); err != nil || other.ID() == c.ID() {
			t.Error(err)
		}
		if io.Socket(c.ID()).Conn() != chat.Socket(other.ID()).Conn() {
			t.Error("they have connections of their own")
		}
		if a, b := siotest.Call[string](c, "where"), siotest.Call[string](other, "where"); a != "/" || b != "/chat" {
			t.Error(a, b)
		}
		_ = io.Emit("to all")
		_ = chat.Emit("to the chat")
		other.Expect("to the chat")
		c.Expect("to all")
		other.Leave()
		siotest.Call[string](c, "where")
		if len(c.Events())+len(other.Events()) != 0 || other.Disconnected() != "io client disconnect" {
			t.Error("events of the other namespace")
		}
		if err := other.Connect(); err != nil {
			t.Error(err)
		}
		_ = c.Of("/chat")
		c.Abort()
		if a, b := c.Disconnected(), other.Disconnected(); a != "transport close" || b != a {
			t.Error(a, b)
		}
	})
}

func TestReconnect(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		chat := io.Of("/chat")
		io.Of("/left")
		c := siotest.Dial(t, io, opts)
		other, left := c.Of("/chat"), c.Of("/left")
		c.Of("/never joined")
		for _, s := range []*siotest.Client{other, left} {
			if err := s.Connect(); err != nil {
				t.Fatal(err)
			}
		}
		left.Leave()
		c.On("handled", func(e siotest.Event) { e.Ack("still") })
		for i, drop := range []func(){c.Abort, func() {}, func() { _ = io.DisconnectSockets(true); c.Disconnected() }} {
			before := []string{c.ID(), other.ID()}
			drop()
			if err := c.Reconnect(); err != nil {
				t.Fatal(i, err)
			}
			if c.ID() == before[0] || other.ID() == before[1] || c.Recovered() || c.Closed() {
				t.Error(i, "not connected anew")
			}
			synctest.Wait()
			if stats := io.Stats(); stats.Sockets != 2 || stats.Engine.Sessions != 1 {
				t.Errorf("%d: %+v", i, stats)
			}
			if got, err := socketio.EmitWithAck[string](t.Context(), io.Socket(c.ID()), "handled"); got != "still" {
				t.Error(i, err)
			}
			_ = chat.Emit("hello")
			other.Expect("hello")
		}
		chat.Use(func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, &socketio.Error{Message: "no more"}
		})
		if err := c.Reconnect(); err == nil || !strings.Contains(err.Error(), "no more") || c.ID() == "" {
			t.Error(err)
		}
		_ = io.Close()
		if err := c.Reconnect(); err == nil || !strings.Contains(err.Error(), "handshake was refused: 503") {
			t.Error(err)
		}
	})
}

// recovering is a server that offers to recover sessions, and notes what it is sent.
func recovering(t *testing.T, answer func(connects int) string) (*engine.Server, *[]string) {
	t.Helper()
	server, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	var got []string
	server.OnConnection(func(s *engine.Session) engine.Receiver {
		return engine.Funcs{OnMessage: func(data []byte, _ bool) {
			if data[0] == '0' {
				got = append(got, string(data))
				_ = s.SendText("0" + answer(len(got)))
				return
			}
			_ = s.SendText(string(data)) // what the client asks to be sent
		}}
	})
	return server, &got
}

func TestRecovery(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		server, got := recovering(t, func(n int) string {
			return fmt.Sprintf(`{"sid":"s%d","pid":%q}`, n, []string{"", "p1", "p1", "p1", "p2", ""}[n])
		})
		opts.Auth = struct {
			User string `json:"user"`
		}{"ann"}
		c := siotest.Dial(t, server, opts)
		if c.Recovered() {
			t.Error("recovered at once")
		}
		again := func(recovered bool, events ...string) {
			t.Helper()
			for _, e := range events {
				c.SendRaw("42" + e)
				synctest.Wait()
			}
			if err := c.Reconnect(); err != nil || c.Recovered() != recovered {
				t.Error(err, c.Recovered())
			}
		}
		again(true)                            // nothing was seen, so there is no offset
		again(true, `["x",1,"o1"]`, `["x",7]`) // the last that is a text
		again(false, `["name"]`)
		again(false, `["x",{"a":1},"o2"]`)
		want := []string{
			`0{"user":"ann"}`,
			`0{"pid":"p1","user":"ann"}`,
			`0{"offset":"o1","pid":"p1","user":"ann"}`,
			`0{"offset":"name","pid":"p1","user":"ann"}`,
			`0{"offset":"o2","pid":"p2","user":"ann"}`,
		}
		if fmt.Sprint(*got) != fmt.Sprint(want) {
			t.Errorf("the client sent\n%q, want\n%q", *got, want)
		}
	})
}

func TestAnEventThatWantsAnAckHasNoOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, got := recovering(t, func(int) string { return `{"sid":"s","pid":"p"}` })
		c := siotest.Dial(t, server, siotest.Options{Auth: map[string]any{"pid": "its own"}})
		c.SendRaw(`42["x","o"]`, `421["y","not an offset"]`)
		synctest.Wait()
		if err := c.Reconnect(); err != nil || !c.Recovered() {
			t.Error(err)
		}
		if want := `0{"offset":"o","pid":"its own"}`; (*got)[1] != want {
			t.Errorf("sent %s, want %s", (*got)[1], want)
		}
	})
}

// The same against a server that does recover sessions, in two namespaces.
func TestRecoveryByAServer(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}})
		chat := io.Of("/chat")
		opts.Auth = map[string]string{"user": "ann"}
		c := siotest.Dial(t, io, opts)
		other := c.Of("/chat")
		if err := other.Connect(); err != nil {
			t.Fatal(err)
		}
		if err := io.Socket(c.ID()).Join("room"); err != nil {
			t.Fatal(err)
		}
		_ = io.Emit("seen")
		c.Expect("seen")
		for n, row := range []struct {
			drop      func()
			recovered bool
		}{
			{c.Abort, true},
			{func() {}, true}, // Reconnect drops the connection itself
			{func() { c.Abort(); time.Sleep(3 * time.Minute) }, false},
			{c.Abort, true},
		} {
			before := []string{c.ID(), other.ID()}
			row.drop()
			synctest.Wait()
			_ = io.To("room").Emit("missed", n)
			_ = chat.Emit("missed", -n)
			if err := c.Reconnect(); err != nil {
				t.Fatal(n, err)
			}
			for i, s := range []*siotest.Client{c, other} {
				if s.Recovered() != row.recovered || (s.ID() == before[i]) != row.recovered {
					t.Errorf("%d, %d: recovered %v", n, i, s.Recovered())
				}
			}
			if !row.recovered {
				synctest.Wait()
				if missed := len(c.Events()) + len(other.Events()); missed != 0 {
					t.Errorf("%d: %d events of a session that has lapsed", n, missed)
				}
				_ = io.Socket(c.ID()).Join("room")
				continue
			}
			if a, b := siotest.Expect[int](c, "missed"), siotest.Expect[int](other, "missed"); a != n || b != -n {
				t.Errorf("%d: %d and %d were missed", n, a, b)
			}
			synctest.Wait()
			if again := len(c.Events()) + len(other.Events()); again != 0 {
				t.Errorf("%d: %d events come twice", n, again)
			}
		}
	})
}
