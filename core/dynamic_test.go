package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func namesOf(namespaces []*socketio.Namespace) []string {
	names := []string{}
	for _, n := range namespaces {
		names = append(names, n.Name())
	}
	return names
}

// wantRefused expects that a CONNECT is refused with a message.
func wantRefused(t *testing.T, c *siotest.Client, message string) {
	t.Helper()
	var refusal *siotest.Refusal
	if err := c.Connect(); !errors.As(err, &refusal) || refusal.Message != message {
		t.Errorf("got %v, want a refusal: %s", err, message)
	}
}

func openIn(t testing.TB, io *server, namespace string) *siotest.Client {
	t.Helper()
	return siotest.Open(t, io, siotest.Options{Namespace: namespace})
}

func dialIn(t testing.TB, io *server, namespace string) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, io, siotest.Options{Namespace: namespace})
}

func TestNamespacesByPattern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		anywhere := io.OfRegexp(regexp.MustCompile(`room-\d`))
		io.OfRegexp(regexp.MustCompile(`^/room-7$`)) // comes too late
		exact := io.OfRegexp(regexp.MustCompile(`^/v(1|2)$`))
		for name, accepted := range map[string]bool{
			"/room-7": true, "/a/room-1b?c=d": true, "/v1": true, "/v3": false, "/v11": false, "/Room-1": false, "/other": false,
		} {
			c := openIn(t, io, name)
			if !accepted {
				wantRefused(t, c, "Invalid namespace")
			} else if err := c.Connect(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := namesOf(anywhere.Children()); !slices.Equal(got, []string{"/a/room-1b?c=d", "/room-7"}) {
			t.Errorf("children: %q", got)
		}
		if got := namesOf(exact.Children()); !slices.Equal(got, []string{"/v1"}) {
			t.Errorf("children: %q", got)
		}
		if n := io.Stats().Namespaces; n != 4 {
			t.Errorf("%d namespaces", n)
		}
	})
}

func TestNamespacesByFunction(t *testing.T) {
	type auth struct {
		Token string `json:"token"`
	}
	for name, row := range map[string]struct {
		decide  func() (bool, error)
		message string // of the refusal; none: accepted
		logs    string
	}{
		"yes":             {func() (bool, error) { return true, nil }, "", ""},
		"no":              {func() (bool, error) { return false, nil }, "Invalid namespace", ""},
		"an Error":        {func() (bool, error) { return true, &socketio.Error{Message: "pay first", Data: 1} }, "pay first", ""},
		"some error":      {func() (bool, error) { return true, errors.New("secret") }, "internal error", "secret"},
		"panic":           {func() (bool, error) { panic("oops") }, "internal error", "oops"},
		"Goexit":          {func() (bool, error) { runtime.Goexit(); return true, nil }, "internal error", "Goexit"},
		"after some time": {func() (bool, error) { time.Sleep(time.Second); return true, nil }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				p := io.OfFunc(func(_ context.Context, name string, h *socketio.Handshake) (bool, error) {
					var a auth
					if err := h.BindAuth(&a); err != nil || a.Token != "x" || name != "/tenant" || h.Query.Get("EIO") != "4" {
						return false, errors.New(fmt.Sprint(err, a, name, h.Query))
					}
					return row.decide()
				})
				c := siotest.Open(t, io, siotest.Options{Namespace: "/tenant", Auth: auth{"x"}})
				if row.message != "" {
					wantRefused(t, c, row.message)
				} else if err := c.Connect(); err != nil {
					t.Error(err)
				}
				if (row.message == "") != (len(p.Children()) == 1) {
					t.Errorf("children: %q", namesOf(p.Children()))
				}
				io.logs.want(t, row.logs)
			})
		})
	}
}

func TestParentsAreAskedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var asked list
		ask := func(which string, yes bool) func(context.Context, string, *socketio.Handshake) (bool, error) {
			return func(_ context.Context, name string, _ *socketio.Handshake) (bool, error) {
				asked.add("%s %s", which, name)
				return yes, nil
			}
		}
		io.OfFunc(ask("first", false))
		io.OfRegexp(regexp.MustCompile(`^/r`))
		second := io.OfFunc(ask("second", true))
		io.OfFunc(ask("third", true))
		dialIn(t, io, "/r")
		dialIn(t, io, "/x")
		dialIn(t, io, "/x") // is registered, so nobody is asked
		dial(t, io)
		asked.want(t, "first /r", "first /x", "second /x")
		if got := namesOf(second.Children()); !slices.Equal(got, []string{"/x"}) {
			t.Errorf("children: %q", got)
		}
	})
}

// The function of a client that leaves is told, and what it says then is too late.
func TestAClientThatLeavesWhileAParentIsAsked(t *testing.T) {
	for name, leave := range map[string]func(io *server, c *siotest.Client){
		"close":     func(_ *server, c *siotest.Client) { c.Close() },
		"violation": func(_ *server, c *siotest.Client) { c.SendRaw("42/slow,[\"too early\"]") },
		"Close":     func(io *server, _ *siotest.Client) { _ = io.Close() },
		"timeout":   func(*server, *siotest.Client) { time.Sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{CleanupEmptyChildNamespaces: true})
				var told list
				p := io.OfFunc(func(ctx context.Context, _ string, _ *socketio.Handshake) (bool, error) {
					told.add("asked")
					<-ctx.Done()
					told.add("%v", context.Cause(ctx))
					return true, nil
				})
				c := open(t, io)
				c.SendRaw("40/slow,", "40/slow,") // twice is once
				settle()
				leave(io, c)
				settle()
				told.want(t, "asked", "socketio: socket disconnected")
				if !c.Closed() || len(p.Children()) != 0 || io.Stats().Namespaces != 1 {
					t.Errorf("closed: %v, children: %q", c.Closed(), namesOf(p.Children()))
				}
			})
		})
	}
}

// What has been decided is forgotten: a client may ask again.
func TestAClientAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxNamespaces: 10})
		accepted := false
		io.OfFunc(func(context.Context, string, *socketio.Handshake) (bool, error) { return accepted, nil })
		c := openIn(t, io, "/x")
		for range 3 {
			wantRefused(t, c, "Invalid namespace")
		}
		accepted = true
		for range 30 {
			if err := c.Connect(); err != nil {
				t.Fatal(err)
			}
			settle()
			c.Leave()
		}
	})
}

// What waits for a function counts as joined.
func TestNamespacesOfAConnectionStayBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxNamespaces: 3})
		io.OfFunc(func(ctx context.Context, _ string, _ *socketio.Handshake) (bool, error) {
			<-ctx.Done()
			return false, nil
		})
		c := open(t, io)
		c.SendRaw("40/a,", "40/b,", "40")
		settle()
		if c.Closed() {
			t.Fatal("closed too early")
		}
		c.SendRaw("40/c,")
		settle()
		if !c.Closed() {
			t.Error("not closed")
		}
	})
}

func TestTwoClientsMakeOneChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var news list
		io.OnNewNamespace(func(n *socketio.Namespace) { news.add("%s", n.Name()) })
		p := io.OfFunc(func(context.Context, string, *socketio.Handshake) (bool, error) {
			time.Sleep(time.Second)
			return true, nil
		})
		clients := make([]*siotest.Client, 20)
		for i := range clients {
			clients[i] = openIn(t, io, "/new")
			clients[i].SendRaw("40/new,")
		}
		time.Sleep(2 * time.Second)
		settle()
		must(t, io.Of("/new").Emit("hello"))
		settle()
		for _, c := range clients {
			wantEvents(t, "a client", c, "hello")
		}
		news.want(t, "/new")
		if len(p.Children()) != 1 {
			t.Errorf("children: %q", namesOf(p.Children()))
		}
	})
}

func TestOfMakesChildrenOfPatterns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		before := io.Of("/room-0")
		p := io.OfRegexp(regexp.MustCompile(`^/room-\d$`))
		io.OfFunc(func(context.Context, string, *socketio.Handshake) (bool, error) { t.Error("asked"); return true, nil })
		after, other := io.Of("/room-1"), io.Of("other")
		if io.Of("/room-0") != before || io.Of("/room-1") != after || io.Of("/other") != other {
			t.Error("Of returns another namespace the second time")
		}
		if got := namesOf(p.Children()); !slices.Equal(got, []string{"/room-1"}) {
			t.Errorf("children: %q", got)
		}
	})
}

func TestOnNewNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var news list
		io.OnNewNamespace(func(n *socketio.Namespace) {
			news.add("%s", n.Name())
			if io.Of(n.Name()) != n { // so it is not called under a lock
				t.Error("another namespace")
			}
			io.OnNewNamespace(func(*socketio.Namespace) {}) // for what comes later
		})
		io.OfRegexp(regexp.MustCompile(`^/r`))
		io.Of("/")
		io.Of("/a")
		io.Of("/a")
		io.Of("/r1")
		dialIn(t, io, "/a")
		dialIn(t, io, "/r1")
		dialIn(t, io, "/r2")
		dialIn(t, io, "/r2")
		openIn(t, io, "/none").SendRaw("40/none,")
		settle()
		news.want(t, "/a", "/r1", "/r2")
	})
}

// What OnNewNamespace registers holds for the client that made the namespace, and
// for those who come while it is at it.
func TestNobodyJoinsBeforeTheNamespaceIsSetUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.OfRegexp(regexp.MustCompile(`^/r`))
		io.OnNewNamespace(func(n *socketio.Namespace) {
			time.Sleep(time.Second)
			n.Use(func(context.Context, *socketio.Socket) (context.Context, error) {
				return nil, &socketio.Error{Message: "closed"}
			})
		})
		first, second := openIn(t, io, "/r"), openIn(t, io, "/r")
		first.SendRaw("40/r,")
		settle()
		wantRefused(t, second, "closed")
		settle()
		wantRaw(t, "the first", first, `44/r,{"message":"closed"}`)
	})
}

func TestANamespaceThatCouldNotBeSetUp(t *testing.T) {
	for name, mishap := range mishaps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				p := io.OfRegexp(regexp.MustCompile(`^/r`))
				var news list
				broken := true
				io.OnNewNamespace(func(*socketio.Namespace) {
					if broken {
						mishap()
					}
				})
				io.OnNewNamespace(func(n *socketio.Namespace) { news.add("%s", n.Name()) })
				wantRefused(t, openIn(t, io, "/r"), "internal error")
				settle()
				if len(p.Children()) != 0 || io.Stats().Panics != 1 {
					t.Errorf("%d children, %+v", len(p.Children()), io.Stats())
				}
				broken = false
				dialIn(t, io, "/r") // is a new one
				news.want(t, "/r", "/r")
			})
		})
	}
}
