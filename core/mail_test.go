package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/backplane"
)

// A letterBox notes what comes.
type letterBox struct {
	mu   sync.Mutex
	seen []string
}

func (b *letterBox) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, fmt.Sprintf(format, args...))
}

// mailServer returns a node, and one of no server that speaks to it. What the box of
// operations gets is noted; the letter "!" panics.
func mailServer(t *testing.T) (s *Server, peer backplane.Node, box *letterBox) {
	memory := backplane.NewMemory()
	s, err := New(Config{Backplane: memory, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	box = new(letterBox)
	s.cluster.mail.boxes[mailOperations] = mailbox{
		take: func(from string, data []byte) {
			if string(data) == "!" {
				panic("a letter bomb")
			}
			box.note("%s: %s", from, data)
		},
		left: func(node string) { box.note("%s left", node) },
	}
	s.cluster.mail.boxes[mailRecovery] = mailbox{left: func(string) { panic("I miss it") }}
	peer, err = memory.Join(context.Background(), backplane.Host{
		Receive: func(backplane.Message) {}, Left: func(string) {}, Observe: func(backplane.Event) {},
		Relay: func(from string, data []byte) { box.note("peer: %s: %q", from, data) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, peer, box
}

// Each part gets its mail, in order; what nobody wants is counted; a panic of one part
// is nobody else's.
func TestMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer, box := mailServer(t)
		us, them := s.cluster.node.ID(), peer.ID()
		for _, mail := range []string{"\x02a", "", "\x00x", "\x03nobody takes it", "\xffx", "\x02!", "\x02b"} {
			if err := peer.Relay(us, []byte(mail)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if err := s.cluster.post(them, append(newMail(mailSessions, 2), "hi"...)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_ = peer.Close()
		synctest.Wait()
		want := []string{them + ": a", them + ": b", "peer: " + us + `: "\x01hi"`, them + " left"}
		if !slices.Equal(box.seen, want) {
			t.Errorf("%q, not %q", box.seen, want)
		}
		if stats := s.Stats(); stats.IgnoredMail != 4 || stats.Panics != 2 {
			t.Errorf("%d ignored, %d panics", stats.IgnoredMail, stats.Panics)
		}
	})
}

// After the end nothing is taken any more.
func TestMailAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer, box := mailServer(t)
		c := s.cluster
		_ = s.Close()
		c.received(peer.ID(), []byte("\x02late"))
		c.received(c.node.ID(), []byte("\x02mine"))
		synctest.Wait()
		if len(box.seen) > 0 || s.Stats().IgnoredMail > 0 || !strings.Contains(fmt.Sprint(c.post("", newMail(mailOperations, 0))), "left") {
			t.Errorf("%q", box.seen)
		}
	})
}
