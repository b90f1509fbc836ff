package nats

import (
	"context"
	"log/slog"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/membership"
	"github.com/kawat-go/kawat/internal/outbox"
)

// quiet is a node that is connected to nothing, in the namespaces "/" and "/chat".
func quiet(t testing.TB) *node {
	c := Config{}.withDefaults()
	host := backplane.Host{
		Receive: func(m backplane.Message) {
			if m.From == "" || m.Namespace != "/" && m.Namespace != "/chat" {
				t.Errorf("given %+v", m)
			}
		},
		Relay: func(string, []byte) {}, Left: func(string) {}, Observe: func(backplane.Event) {},
		Logger: slog.New(slog.DiscardHandler),
	}
	n := &node{
		config: c, id: "00000000000000aa", host: host, in: newInbox(c.MaxReceivedBytes, host.Logger),
		spaces: make(map[string]*space), kawat: make(map[string]*kin), changed: make(map[string]bool),
		spoken: make(map[string]int), missing: make(map[string]struct{}),
	}
	n.link.largest.Store(1 << 20)
	n.out = outbox.New(outbox.Config[item]{Send: func(_ context.Context, batch []item) (int, error) { return len(batch), nil }})
	n.members = membership.New(membership.Config{ID: n.id, Host: host, Send: func(string, []byte) error { return nil }})
	n.Open("/")
	n.Open("/chat")
	t.Cleanup(func() {
		n.members.Close()
		_ = n.out.Close(context.Background())
	})
	return n
}
