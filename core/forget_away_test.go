package socketio

import (
	"log/slog"
	"regexp"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/siotest"
)

// Of a child that made room for another no session is left to lapse.
func TestAReclaimedChildForgetsWhoIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, err := New(Config{
			Logger: slog.New(slog.DiscardHandler), MaxChildNamespaces: 1, ConnectionStateRecovery: &Recovery{},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = io.Close() })
		p := io.OfRegexp(regexp.MustCompile(`^/r`))
		c := siotest.Dial(t, io, siotest.Options{Namespace: "/r1"})
		h := p.Children()[0].history
		c.Abort()
		synctest.Wait()
		if h.visitors.Len() != 1 {
			t.Fatal("nobody is away")
		}
		siotest.Dial(t, io, siotest.Options{Namespace: "/r2"})
		synctest.Wait()
		if h.visitors.Len()+len(h.sessions)+len(h.away.sockets) != 0 {
			t.Errorf("%d are away", h.visitors.Len())
		}
	})
}

// A socket that ends when its server has ended already is not remembered.
func TestNobodyIsAwayFromAServerThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, err := New(Config{Logger: slog.New(slog.DiscardHandler), ConnectionStateRecovery: &Recovery{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = io.Close() })
		c := siotest.Dial(t, io, siotest.Options{})
		io.retireAll()
		c.Abort()
		synctest.Wait()
		if h := io.history; h.visitors.Len()+h.regulars.Len()+len(h.sessions)+len(h.away.sockets) != 0 {
			t.Errorf("%d are away", h.visitors.Len()+h.regulars.Len())
		}
	})
}
