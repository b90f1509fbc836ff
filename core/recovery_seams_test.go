package socketio_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// A socket that another goes on for leaves its rooms before that one joins them,
// whether or not the server knows yet that its connection was cut.
func TestRoomEventsOfARecovery(t *testing.T) {
	joins := []string{
		"create socket1", "socket1 joins socket1", "create m", "socket1 joins m", "create x", "socket1 joins x", "socket1 joins y",
	}
	leaves := []string{
		"socket1 leaves socket1", "delete socket1", "socket1 leaves m", "delete m", "socket1 leaves x", "delete x", "socket1 leaves y",
	}
	for _, row := range []struct {
		name  string
		cut   func(p *phone)
		leave []string // before it comes back
	}{
		{"cut", (*phone).cut, leaves},
		{"vanished", (*phone).vanish, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := recoverable(t, socketio.Recovery{})
				io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) { return nil, s.Join("m") })
				p := call(t, io, siotest.Options{})
				other := dial(t, io)
				must(t, socketOf(t, io.Namespace, other).Join("y"))
				must(t, socketOf(t, io.Namespace, other).Leave("m"))
				old := io.Socket(p.id)
				must(t, old.Join("x", "y"))
				w, _ := watchRooms(io.Namespace)
				row.cut(p)
				settle()
				w.want(t, row.leave...)
				p.comeBack(true)
				w.want(t, slices.Concat(leaves, joins)...)
				w.items = nil
				must(t, old.Join("late")) // by who has not heard of the change
				must(t, old.Leave("x"))
				settle()
				w.want(t, "create late", "socket1 joins late", "socket1 leaves x", "delete x")
				w.items = nil
				p.Close()
				settle()
				w.want(t, "socket1 leaves socket1", "delete socket1", "socket1 leaves late", "delete late",
					"socket1 leaves m", "delete m", "socket1 leaves y")
			})
		})
	}
}

// What happens to the rooms of a client that is away is heard of when it is back.
func TestRoomEventsWhileAClientIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := recoverable(t, socketio.Recovery{})
		p := call(t, io, siotest.Options{})
		must(t, io.Socket(p.id).Join("x"))
		p.cut()
		settle()
		w, _ := watchRooms(io.Namespace)
		must(t, io.SocketsJoin("y"))
		must(t, io.SocketsLeave("x"))
		settle()
		w.want(t)
		p.comeBack(true)
		w.want(t, "create socket1", "socket1 joins socket1", "create y", "socket1 joins y")
	})
}

// inChildren serves namespaces of a parent whose clients can come back.
func inChildren(t *testing.T, cfg socketio.Config) (*server, *socketio.ParentNamespace) {
	cfg.ConnectionStateRecovery = &socketio.Recovery{}
	cfg.PingInterval = time.Hour
	io := serve(t, cfg)
	return io, io.OfRegexp(regexp.MustCompile(`^/r`))
}

func wantChildren(t *testing.T, p *socketio.ParentNamespace, want ...string) {
	t.Helper()
	settle()
	if got := namesOf(p.Children()); !slices.Equal(got, want) {
		t.Errorf("children %q, want %q", got, want)
	}
}

func reconnect(t *testing.T, c *siotest.Client, recovered bool) {
	t.Helper()
	if err := c.Reconnect(); err != nil || c.Recovered() != recovered {
		t.Errorf("recovered: %v, want %v (%v)", c.Recovered(), recovered, err)
	}
}

// A child stays while a client is away that may come back to it.
func TestCleanupWaitsForClientsThatAreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, p := inChildren(t, socketio.Config{CleanupEmptyChildNamespaces: true})
		a, b := dialIn(t, io, "/r"), dialIn(t, io, "/r")
		settle()
		a.Abort()
		b.Abort()
		wantChildren(t, p, "/r")
		must(t, p.Emit("missed"))
		time.Sleep(time.Minute)
		reconnect(t, a, true)
		settle()
		wantEvents(t, "a", a, "missed")
		time.Sleep(2 * time.Minute) // b has lapsed
		wantChildren(t, p, "/r")
		a.Abort()
		time.Sleep(2*time.Minute - time.Second)
		wantChildren(t, p, "/r")
		time.Sleep(time.Second)
		wantChildren(t, p)
		reconnect(t, a, false)
		wantChildren(t, p, "/r")
		a.Leave() // for good
		wantChildren(t, p)
	})
}

func TestClientsThatAreAwayAreSentHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, p := inChildren(t, socketio.Config{CleanupEmptyChildNamespaces: true})
		c := dialIn(t, io, "/r")
		settle()
		c.Abort()
		settle()
		must(t, p.Children()[0].DisconnectSockets(false))
		wantChildren(t, p)
	})
}

// Where there is no room for one more child, one goes that is empty, then one whose
// clients are all away; never one where somebody is.
func TestTooManyChildrenWithClientsAway(t *testing.T) {
	for _, cleanup := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			io, p := inChildren(t, socketio.Config{MaxChildNamespaces: 3, CleanupEmptyChildNamespaces: cleanup})
			away1, away2, stays := dialIn(t, io, "/r1"), dialIn(t, io, "/r2"), dialIn(t, io, "/r2")
			settle()
			away1.Abort()
			away2.Abort()
			settle()
			dialIn(t, io, "/r3").Leave()
			settle()
			late := dialIn(t, io, "/r4")
			wantChildren(t, p, "/r1", "/r2", "/r4")
			dialIn(t, io, "/r5")
			wantChildren(t, p, "/r2", "/r4", "/r5")
			wantRefused(t, openIn(t, io, "/r6"), "Too many namespaces")
			if n := io.Stats().Recovery.Away; n != 1 {
				t.Errorf("%d are away", n)
			}
			reconnect(t, away2, true)
			late.Abort()
			settle()
			reconnect(t, late, true)
			settle()
			late.Abort()
			settle()
			reconnect(t, away1, false) // takes the place of /r4
			wantChildren(t, p, "/r1", "/r2", "/r5")
			stays.Leave()
			away2.Abort()
			time.Sleep(3 * time.Minute) // by now /r2 is empty, or is gone
			if !cleanup {
				wantChildren(t, p, "/r1", "/r2", "/r5")
			}
			dialIn(t, io, "/r7")
			wantChildren(t, p, "/r1", "/r5", "/r7")
		})
	}
}

// Clients that join many namespaces and vanish take nobody's place for long, and
// leave nothing behind.
func TestHostileNamesOfClientsThatVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, p := inChildren(t, socketio.Config{MaxChildNamespaces: 50})
		honest := dialIn(t, io, "/r-honest")
		for i := range 100 {
			c := open(t, io)
			for j := range 100 {
				c.SendRaw(fmt.Sprintf("40/r%d-%d,", i, j))
			}
			settle()
			c.Abort()
			settle()
			if n := len(p.Children()); n != 50 {
				t.Fatalf("%d children", n)
			}
		}
		if n := io.Stats().Recovery.Away; n != 49 {
			t.Errorf("%d are away", n)
		}
		if honest.Closed() || p.Children()[0].Name() != "/r-honest" {
			t.Error("one where somebody is has gone")
		}
		dialIn(t, io, "/r-late")
	})
}
