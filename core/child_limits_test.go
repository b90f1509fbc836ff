package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// refuse is a middleware that lets nobody in.
func refuse(context.Context, *socketio.Socket) (context.Context, error) {
	return nil, &socketio.Error{Message: "no"}
}

func TestEmptyChildrenStayByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		c := dialIn(t, io, "/r")
		n := p.Children()[0]
		c.Close()
		settle()
		if got := p.Children(); len(got) != 1 || got[0] != n || io.Stats().Namespaces != 2 {
			t.Errorf("children: %q", namesOf(got))
		}
		c = dialIn(t, io, "/r")
		if n.Socket(c.ID()) == nil {
			t.Error("in another child")
		}
		p.Use(refuse)
		wantRefused(t, openIn(t, io, "/r-refused"), "no")
		settle()
		if got := namesOf(p.Children()); !slices.Equal(got, []string{"/r", "/r-refused"}) {
			t.Errorf("children: %q", got)
		}
	})
}

func TestCleanup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{CleanupEmptyChildNamespaces: true})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		ends := reasons(p)
		first, second := dialIn(t, io, "/r"), dialIn(t, io, "/r")
		old := p.Children()[0]
		first.Leave()
		settle()
		if len(p.Children()) != 1 {
			t.Fatal("gone while somebody is there")
		}
		second.Abort()
		settle()
		if len(p.Children()) != 0 || io.Stats().Namespaces != 1 {
			t.Errorf("children: %q", namesOf(p.Children()))
		}
		ends.want(t, "client namespace disconnect", "transport close")

		// What still holds the old one does no harm, nor any good.
		again := dialIn(t, io, "/r")
		must(t, old.Emit("event"))
		must(t, old.SocketsJoin("room"))
		must(t, old.DisconnectSockets(true))
		old.OnEvent("event", func(context.Context, *socketio.Event) error { t.Error("called"); return nil })
		old.OnJoinRoom(func(string, string) {})
		if sockets, err := old.FetchSockets(t.Context()); err != nil || len(sockets) != 0 {
			t.Error(sockets, err)
		}
		again.Emit("event")
		settle()
		wantEvents(t, "the new one's client", again)
		if got := p.Children(); len(got) != 1 || got[0] == old || again.Closed() {
			t.Error("the old one is back")
		}
	})
}

func TestARefusedClientLeavesNoChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{CleanupEmptyChildNamespaces: true})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		p.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
			if s.Namespace().Name() == "/r-panic" {
				panic("oops")
			}
			if s.Namespace().Name() == "/r-slow" {
				<-ctx.Done()
			}
			return nil, &socketio.Error{Message: "no"}
		})
		wantRefused(t, openIn(t, io, "/r"), "no")
		wantRefused(t, openIn(t, io, "/r-panic"), "internal error")
		slow := openIn(t, io, "/r-slow")
		slow.SendRaw("40/r-slow,")
		settle()
		if got := namesOf(p.Children()); !slices.Equal(got, []string{"/r-slow"}) {
			t.Errorf("children: %q", got)
		}
		slow.Close()
		settle()
		if got := namesOf(p.Children()); len(got) != 0 {
			t.Errorf("children: %q", got)
		}
	})
}

// Who is refused takes no namespace away from those who are in it, and one that is
// no child stays without anybody.
func TestCleanupLeavesWhatIsOfUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{CleanupEmptyChildNamespaces: true})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		plain := io.Of("/chat")
		there := dialIn(t, io, "/r")
		settle()
		p.Use(refuse)
		plain.Use(refuse)
		wantRefused(t, openIn(t, io, "/r"), "no")
		wantRefused(t, openIn(t, io, "/chat"), "no")
		settle()
		must(t, p.Emit("event"))
		settle()
		wantEvents(t, "who is there", there, "event")
		if io.Of("/chat") != plain || io.Stats().Namespaces != 3 {
			t.Errorf("%d namespaces", io.Stats().Namespaces)
		}
	})
}

func TestOfPinsAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{CleanupEmptyChildNamespaces: true, MaxChildNamespaces: 1})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		c := dialIn(t, io, "/r1")
		n := io.Of("/r1")
		c.Close()
		settle()
		if io.Of("/r1") != n {
			t.Error("gone")
		}
		for i := range 3 { // pinned ones do not count
			io.Of(fmt.Sprintf("/r-of-%d", i))
		}
		dialIn(t, io, "/r2")
		wantRefused(t, openIn(t, io, "/r3"), "Too many namespaces")
		dialIn(t, io, "/r1")
		if got := namesOf(p.Children()); !slices.Equal(got, []string{"/r-of-0", "/r-of-1", "/r-of-2", "/r1", "/r2"}) {
			t.Errorf("children: %q", got)
		}
	})
}

func TestTooManyChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxChildNamespaces: 3})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		a, b, c := dialIn(t, io, "/ra"), dialIn(t, io, "/rb"), dialIn(t, io, "/rc")
		for range 2 {
			wantRefused(t, openIn(t, io, "/rd"), "Too many namespaces")
		}
		if n := strings.Count(io.logs.String(), "MaxChildNamespaces"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		dialIn(t, io, "/rb") // exists, so it can be joined
		for _, client := range []*siotest.Client{b, c, a} {
			client.Close()
			settle()
		}
		dialIn(t, io, "/rc") // is not empty any more, and /rb is not either
		dialIn(t, io, "/rd")
		if got := namesOf(p.Children()); !slices.Equal(got, []string{"/rb", "/rc", "/rd"}) {
			t.Errorf("children: %q", got)
		}
		wantRefused(t, openIn(t, io, "/re"), "Too many namespaces")
	})
}

// The one that has been empty for longest goes first.
func TestReclaimingIsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxChildNamespaces: 3})
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		for _, name := range []string{"/rb", "/ra", "/rc"} {
			dialIn(t, io, name).Close()
			settle()
		}
		dialIn(t, io, "/rd").Close()
		settle()
		if got := namesOf(p.Children()); !slices.Equal(got, []string{"/ra", "/rc", "/rd"}) {
			t.Errorf("children: %q", got)
		}
	})
}

func TestHostileNames(t *testing.T) {
	for cleanup, clients := range map[bool]int{true: 100, false: 200} {
		t.Run(fmt.Sprintf("cleanup %v", cleanup), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{MaxChildNamespaces: 50, CleanupEmptyChildNamespaces: cleanup, PingInterval: time.Hour})
				p := io.OfRegexp(regexp.MustCompile(`^/r`))
				var made atomic.Int64
				io.OnNewNamespace(func(*socketio.Namespace) { made.Add(1) })
				most := 0
				for i := range clients {
					c := open(t, io)
					for j := range 100 {
						c.SendRaw(fmt.Sprintf("40/r%d-%d,", i, j))
					}
					settle()
					most = max(most, len(p.Children()))
					c.Close()
					settle()
				}
				if most != 50 || made.Load() < int64(clients) {
					t.Errorf("there were %d children, %d had been made", most, made.Load())
				}
				if left := io.Stats().Namespaces; left != map[bool]int{true: 1, false: 51}[cleanup] {
					t.Errorf("%d namespaces are left", left)
				}
				dialIn(t, io, "/r")
			})
		})
	}
}

// A client that comes just when a child goes gets one that lives.
func TestChildrenComeAndGo(t *testing.T) {
	for name, cfg := range map[string]socketio.Config{
		"cleanup": {CleanupEmptyChildNamespaces: true},
		"reclaim": {MaxChildNamespaces: 9}, // as many as there are clients and one that pins
	} {
		t.Run(name, func(t *testing.T) {
			cfg.PingInterval = time.Hour
			io := serve(t, cfg)
			p := io.OfRegexp(regexp.MustCompile(`^/r`))
			socketio.OnWithAck(p, "where", func(_ context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
				found := s.Namespace().Name()
				for _, n := range p.Children() {
					if n.Name() == found && n != s.Namespace() {
						found = "another namespace of that name is known"
					}
				}
				if !slices.Contains(p.Children(), s.Namespace()) {
					found += ", not known"
				}
				return found, nil
			})
			var clients sync.WaitGroup
			for i := range uint64(8) {
				clients.Go(func() {
					rnd := rand.New(rand.NewPCG(1, i))
					for range 200 {
						name := fmt.Sprintf("/r%d", rnd.IntN(5))
						c := siotest.Open(nil, io, siotest.Options{Namespace: name})
						if err := c.Connect(); err != nil {
							t.Errorf("%s: %v", name, err)
						} else if got := siotest.Call[string](c, "where"); got != name {
							t.Errorf("%s: in %s", name, got)
						}
						c.Close()
						<-c.Done()
					}
				})
			}
			clients.Wait()
			for io.Stats().Sockets > 0 {
				time.Sleep(time.Millisecond)
			}
			if n := len(p.Children()); cfg.CleanupEmptyChildNamespaces && n != 0 || n > 5 {
				t.Errorf("left: %d", n)
			}
		})
	}
}
