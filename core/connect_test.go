package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

type use = func(context.Context, *socketio.Socket) (context.Context, error)

func TestMiddlewareRunsInOrderAndHandsOnTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		io := serve(t, socketio.Config{})
		for _, step := range []string{"a", "b"} {
			io.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
				if s.Connected() {
					t.Error("connected before the middleware is through")
				}
				before, _ := ctx.Value(key{}).(string)
				return context.WithValue(ctx, key{}, before+step), nil
			})
		}
		io.Use(func(context.Context, *socketio.Socket) (context.Context, error) { return nil, nil })
		seen := new(list)
		io.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
			seen.add("%v %v", ctx.Value(key{}), s.Context().Value(key{}))
			return nil
		})
		socketio.On(io, "event", func(ctx context.Context, _ *socketio.Socket, _ socketio.None) error {
			seen.add("%v", ctx.Value(key{}))
			return nil
		})
		io.OnDisconnect(func(ctx context.Context, _ *socketio.Socket, _ socketio.Reason) {
			seen.add("%v %v", ctx.Value(key{}), ctx.Err())
		})
		c := dial(t, io)
		c.Emit("event")
		settle()
		c.Close()
		settle()
		seen.want(t, "ab ab", "ab", "ab <nil>")
	})
}

func TestMiddlewareRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		use    use
		answer string
		logged string
	}{
		{"with an Error", func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, &socketio.Error{Message: "no", Data: []int{1}}
		}, `44{"message":"no","data":[1]}`, ""},
		{"with a wrapped Error", func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, fmt.Errorf("user 7: %w", &socketio.Error{Message: "no"})
		}, `44{"message":"no"}`, "user 7"},
		{"with another error", func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, errors.New("password is 123")
		}, `44{"message":"internal error"}`, "password is 123"},
		{"with a nil Error", func(context.Context, *socketio.Socket) (context.Context, error) {
			var e *socketio.Error
			return nil, e
		}, `44{"message":"internal error"}`, ""},
		{"with data that cannot be sent", func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, &socketio.Error{Message: "no", Data: make(chan int)}
		}, `44{"message":"internal error"}`, "cannot be sent"},
		{"with a message that cannot be sent", func(context.Context, *socketio.Socket) (context.Context, error) {
			return nil, &socketio.Error{Message: "\xff"}
		}, `44{"message":"internal error"}`, "cannot be sent"},
		{"with a panic", func(context.Context, *socketio.Socket) (context.Context, error) { panic("oops") },
			`44{"message":"internal error"}`, "oops"},
		{"the auth payload's type", func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			var auth struct {
				Token int `json:"token"`
			}
			return nil, s.Handshake().BindAuth(&auth)
		}, `44{"message":"invalid arguments"}`, "connect"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				io.OnConnection(func(context.Context, *socketio.Socket) error { t.Error("connected"); return nil })
				ends := reasons(io)
				var refused *socketio.Socket
				io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
					refused = s
					return nil, s.Join("room")
				})
				io.Use(row.use)
				io.Use(func(context.Context, *socketio.Socket) (context.Context, error) {
					t.Error("asked after the refusal")
					return nil, nil
				})
				c := siotest.Open(t, io, siotest.Options{})
				c.SendRaw(`40{"token":"x"}`)
				settle()
				wantRaw(t, "the answer", c, row.answer)
				if c.Closed() {
					t.Error("the connection is closed")
				}
				if row.logged != "" {
					io.logs.want(t, row.logged)
				}
				if refused.Context().Err() == nil {
					t.Error("the refused socket's context goes on")
				}
				if rooms := io.Stats().Rooms; rooms != 0 {
					t.Errorf("%d rooms are left", rooms)
				}
				if err := refused.Join("later"); !errors.Is(err, socketio.ErrDisconnected) {
					t.Errorf("Join: %v", err)
				}
				ends.want(t)
			})
		})
	}
}

func TestTheAuthPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			auth := struct {
				Token string `json:"token"`
			}{"none"}
			err := s.Handshake().BindAuth(&auth)
			seen.add("%s", auth.Token)
			return nil, err
		})
		siotest.Dial(t, io, siotest.Options{Auth: map[string]string{"token": "secret"}})
		dial(t, io)
		seen.want(t, "secret", "none")
	})
}

func TestTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		io := serve(t, socketio.Config{AllowedOrigins: []string{"*"}})
		c := siotest.Dial(t, io, siotest.Options{
			Query: map[string][]string{"room": {"a b"}}, Headers: engine.Header{"Origin": {"https://app.example"}},
			Values: map[string]any{"user": "ada", "n": 1}, Context: context.WithValue(context.Background(), key{}, "v"),
		})
		s := socketOf(t, io.Namespace, c)
		h := s.Handshake()
		if h.Query.Get("room") != "a b" || !h.XDomain || h.Secure || h.Address != "192.0.2.1:1234" ||
			h.Headers.Get("origin") != "https://app.example" || h.URL != "/socket.io/?EIO=4&room=a+b&transport=websocket" || h.Issued.IsZero() {
			t.Errorf("handshake %+v", h)
		}
		if user, ok := socketio.Value[string](s, "user"); !ok || user != "ada" {
			t.Errorf("user %q %v", user, ok)
		}
		if n, ok := socketio.Value[string](s, "n"); ok {
			t.Errorf("n %q is a string", n)
		}
		if s.Context().Value(key{}) != "v" {
			t.Error("the request's context is lost")
		}
	})
}

func TestTwoConnectsDuringSlowMiddlewareMakeOneSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		calls := new(list)
		io.Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
			calls.add("middleware")
			time.Sleep(time.Second)
			return nil, ctx.Err()
		})
		io.OnConnection(func(context.Context, *socketio.Socket) error { calls.add("connection"); return nil })
		c := siotest.Open(t, io, siotest.Options{})
		c.SendRaw("40", "40")
		c.SendRaw("40")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		calls.want(t, "middleware", "connection")
		if got := c.Raw(); len(got) != 1 || io.Stats().Sockets != 1 {
			t.Errorf("answers %q, %d sockets", got, io.Stats().Sockets)
		}
	})
}

func TestAnEventDuringSlowMiddlewareCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
			<-ctx.Done()
			return nil, nil
		})
		io.OnConnection(func(context.Context, *socketio.Socket) error { t.Error("connected"); return nil })
		ends := reasons(io)
		c := siotest.Open(t, io, siotest.Options{})
		c.SendRaw("40", `42["a"]`)
		settle()
		if !c.Closed() {
			t.Error("not closed")
		}
		ends.want(t)
	})
}

func TestTheClientLeavesDuringSlowMiddleware(t *testing.T) {
	for name, leave := range map[string]func(io *server, c *siotest.Client){
		"closes":   func(_ *server, c *siotest.Client) { c.Close() },
		"drops":    func(_ *server, c *siotest.Client) { c.Abort() },
		"violates": func(_ *server, c *siotest.Client) { c.SendRaw("4x") },
		"shutdown": func(io *server, _ *siotest.Client) { _ = io.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				seen := new(list)
				io.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
					must(t, s.Join("room"))
					select {
					case <-ctx.Done():
						seen.add("%v", context.Cause(ctx))
					case <-time.After(time.Hour):
						seen.add("not cancelled")
					}
					return nil, nil
				})
				io.OnConnection(func(context.Context, *socketio.Socket) error { seen.add("connection"); return nil })
				io.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { seen.add("disconnect") })
				c := siotest.Open(t, io, siotest.Options{})
				c.SendRaw("40")
				settle()
				leave(io, c)
				settle()
				seen.want(t, socketio.ErrDisconnected.Error())
				if stats := io.Stats(); stats.Sockets != 0 || stats.Rooms != 0 {
					t.Errorf("left: %+v", stats)
				}
			})
		})
	}
}

// A polling session that is closed waits for a poll, which tells the client.
func TestTheConnectionIsClosingWhenTheMiddlewareIsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{PingInterval: time.Hour})
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			must(t, s.Emit("ends the poll that hangs"))
			time.Sleep(time.Second)
			s.Conn().Close()
			return nil, s.Join("room")
		})
		io.OnConnection(func(context.Context, *socketio.Socket) error { t.Error("connected"); return nil })
		ends := reasons(io)
		c := siotest.Open(t, io, siotest.Options{Transport: engine.Polling})
		synctest.Wait()
		c.Stall()
		c.SendRaw("40")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if stats := io.Stats(); stats.Sockets != 0 || stats.Rooms != 0 {
			t.Errorf("%+v", stats)
		}
		c.Resume()
		settle()
		if !c.Closed() {
			t.Error("not closed")
		}
		ends.want(t)
	})
}

func TestEmitsInMiddlewareGoOutBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) { return nil, s.Emit("hello") })
		c := dial(t, io)
		settle()
		wantRaw(t, "the client", c, `42["hello"]`, fmt.Sprintf(`40{"sid":%q}`, c.ID()))
	})
}

// Who may still be refused must not hear what is said in the rooms.
func TestJoinInMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		gate := make(chan struct{})
		var socket *socketio.Socket
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			socket = s
			must(t, s.Join("room", "other"))
			must(t, s.Leave("other"))
			<-gate
			return nil, nil
		})
		c := siotest.Open(t, io, siotest.Options{})
		c.SendRaw("40")
		settle()
		must(t, io.To("room").Emit("early"))
		must(t, io.Emit("early"))
		must(t, io.To(socket.ID()).Emit("early"))
		if sockets, err := io.In("room").FetchSockets(t.Context()); err != nil || len(sockets) != 0 {
			t.Errorf("FetchSockets finds %d sockets, %v", len(sockets), err)
		}
		if got := socket.Rooms(); !slices.Equal(got, []string{socket.ID(), "room"}) {
			t.Errorf("rooms %q", got)
		}
		close(gate)
		settle()
		must(t, io.To("room").Emit("late"))
		settle()
		wantEvents(t, "the client", c, "late")
	})
}

func TestDisconnectInMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) { return nil, s.Disconnect(true) })
		io.OnConnection(func(context.Context, *socketio.Socket) error { t.Error("connected"); return nil })
		ends := reasons(io)
		c := siotest.Open(t, io, siotest.Options{})
		c.SendRaw("40")
		settle()
		if !c.Closed() {
			t.Error("not closed")
		}
		ends.want(t)
	})
}

func TestNamespacesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxNamespaces: 5})
		ends := new(list)
		for i := range 8 {
			io.Of(fmt.Sprint("n", i)).OnDisconnect(func(_ context.Context, s *socketio.Socket, r socketio.Reason) { ends.add("%s", r) })
		}
		c := siotest.Open(t, io, siotest.Options{})
		for i := range 5 {
			c.SendRaw(fmt.Sprintf("40/n%d,", i))
		}
		settle()
		if n := io.Stats().Sockets; n != 5 || c.Closed() {
			t.Fatalf("%d sockets, closed: %v", n, c.Closed())
		}
		c.SendRaw("41/n0,", "40/n5,") // one less, one more
		settle()
		if n := io.Stats().Sockets; n != 5 || c.Closed() {
			t.Fatalf("%d sockets, closed: %v", n, c.Closed())
		}
		c.SendRaw("40/n6,")
		settle()
		if !c.Closed() {
			t.Error("not closed")
		}
		ends.want(t, "client namespace disconnect", "forced close", "forced close", "forced close", "forced close", "forced close")
	})
}

func TestRefusalsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxNamespaces: 5})
		c := siotest.Open(t, io, siotest.Options{})
		for i := range 20_000 {
			c.SendRaw(fmt.Sprintf("40/n%d,", i))
		}
		settle()
		if got := c.Raw(); len(got) != 5 || !c.Closed() {
			t.Errorf("%d answers, closed: %v", len(got), c.Closed())
		}
	})
}

func TestNamespaceNames(t *testing.T) {
	io := serve(t, socketio.Config{})
	for name, want := range map[string]string{"": "/", "/": "/", "chat": "/chat", "/chat": "/chat", "/a/b?c": "/a/b?c"} {
		if got := io.Of(name).Name(); got != want {
			t.Errorf("Of(%q) is %q", name, got)
		}
	}
	if io.Of("chat") != io.Of("/chat") || io.Of("/") != io.Namespace || io.Stats().Namespaces != 3 {
		t.Error("a namespace is there twice")
	}
	defer func() {
		if v := fmt.Sprint(recover()); !strings.Contains(v, `"/a,b" has a comma`) {
			t.Errorf("panic %q", v)
		}
	}()
	io.Of("a,b")
}

// Also a context that has nothing to do with the one before ends with the socket.
func TestAForeignContextEndsWithTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		io := serve(t, socketio.Config{})
		io.Use(func(context.Context, *socketio.Socket) (context.Context, error) {
			return context.WithValue(context.Background(), key{}, "mine"), nil
		})
		var ctx context.Context
		io.OnConnection(func(c context.Context, _ *socketio.Socket) error { ctx = c; return nil })
		c := dial(t, io)
		settle()
		if ctx.Value(key{}) != "mine" || ctx.Err() != nil {
			t.Errorf("connected: %v, %v", ctx.Value(key{}), ctx.Err())
		}
		c.Close()
		settle()
		if context.Cause(ctx) != socketio.ErrDisconnected {
			t.Errorf("disconnected: %v", context.Cause(ctx))
		}
	})
}
