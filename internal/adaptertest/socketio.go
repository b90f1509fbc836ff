package adaptertest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	dialer "github.com/fasthttp/websocket"

	socketio "github.com/kawat-go/kawat/core"
)

// sockets runs Socket.IO over the adapter: a handler knows the user that the
// framework's middleware has found, long after that request.
func sockets(t *testing.T, host Host) {
	srv, err := socketio.New(socketio.Config{Logger: slog.New(slog.DiscardHandler), DisableParking: host.unparked})
	if err != nil {
		t.Fatal(err)
	}
	socketio.OnWithAck(srv, "whoami", func(ctx context.Context, s *socketio.Socket, greeting string) (string, error) {
		name, _ := socketio.Value[string](s, UserKey)
		return fmt.Sprint(greeting, " ", name, " ", ctx.Value(ContextKey{}), " ", ctx.Err()), nil
	})
	socketio.On(srv, "all", func(_ context.Context, _ *socketio.Socket, what string) error {
		return srv.Emit("news", what)
	})
	s := serve(t, host, App{Endpoint: srv, Place: Group})
	t.Run("polling", s.sub(testPollingSocket))
	t.Run("websocket", s.sub(testWebSockets))
	t.Run("both", s.sub(testBoth))
	t.Run("empty frames", s.sub(testEmptyFrames))
}

// testEmptyFrames: a message of nothing is no packet, before CONNECT and after.
func testEmptyFrames(s *site) {
	for _, before := range []string{"", "40"} {
		for _, kind := range []int{dialer.TextMessage, dialer.BinaryMessage} {
			c := s.dial("", user)
			sidOf(s.t, c.receive())
			if before != "" {
				c.send(before)
				c.receive()
			}
			_ = c.WriteMessage(kind, nil)
			if _, data, err := c.ReadMessage(); !dialer.IsCloseError(err, dialer.CloseNoStatusReceived) {
				s.t.Errorf("behind %q, kind %d: %q, %v", before, kind, data, err)
			}
		}
	}
}

func ask(name string) (question, answer string) {
	return `421["whoami","hi"]`, fmt.Sprintf(`431["hi %[1]s %[1]s \u003cnil\u003e"]`, name)
}

// same compares packets whatever the escapes of <nil>.
func same(got, want string) bool {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(got) ==
		strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(want)
}

func testPollingSocket(s *site) {
	sid := s.open(UserHeader + ": ann")
	s.do("POST", s.query(sid), "40", user)
	if r := s.do("GET", s.query(sid), "", user); !strings.HasPrefix(r.body, `40{"sid":"`) {
		s.t.Fatalf("CONNECT: %q", r.body)
	}
	question, answer := ask("ann")
	s.do("POST", s.query(sid), question, user)
	if r := s.do("GET", s.query(sid), "", user); !same(r.body, answer) {
		s.t.Errorf("%q", r.body)
	}
}

func testWebSockets(s *site) {
	var all sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprintf("user-%d", i)
		c := s.join(name)
		all.Go(func() {
			question, answer := ask(name)
			for range 20 {
				c.send(question)
				if got := c.receive(); !same(got, answer) {
					s.t.Errorf("%s: %q", name, got)
					return
				}
			}
		})
	}
	all.Wait()
}

// join opens a WebSocket and enters the main namespace.
func (s *site) join(name string) *ws {
	s.t.Helper()
	c := s.dial("", UserHeader+": "+name)
	sidOf(s.t, c.receive())
	c.send("40")
	if got := c.receive(); !strings.HasPrefix(got, `40{"sid":"`) {
		s.t.Fatalf("CONNECT: %q", got)
	}
	return c
}

// testBoth: a broadcast reaches clients of both transports.
func testBoth(s *site) {
	sid := s.open(user)
	s.do("POST", s.query(sid), "40", user)
	s.do("GET", s.query(sid), "", user)
	c := s.join("bob")
	c.send(`42["all","héllo"]`)
	const news = `42["news","héllo"]`
	c.expect(news)
	if r := s.do("GET", s.query(sid), "", user); r.body != news {
		s.t.Errorf("%q", r.body)
	}
}
