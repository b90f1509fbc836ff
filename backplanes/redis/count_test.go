package redis

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/faultproxy"
)

// A node that vanishes without a word, of which Redis goes on counting the connections,
// is not waited for; and it counts once when it is back.
func TestCountOfVanished(t *testing.T) {
	t.Parallel()
	for name, plane := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var gone atomic.Bool
			proxy, err := faultproxy.Start(server.Addr(), faultproxy.Options{Plan: func(int) (p faultproxy.Plan) {
				if gone.Load() {
					p.Up.Then = faultproxy.Vanish
				}
				return p
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(proxy.Close)
			c := config(t)
			far := c
			far.Client = connect(t, proxy.Addr())
			open := func(c Config) backplane.Node {
				n, err := plane(c).Join(context.Background(), (&member{t: t}).host(nil))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = n.Close() })
				n.Open("/")
				return n
			}
			one, two, vanishes := open(c), open(c), open(far)
			knows := func(what string, peers, nodes int) {
				t.Helper()
				for _, n := range []backplane.Node{one, two} {
					eventually(t, what, func() bool {
						p, err := n.Peers(t.Context(), "/")
						return err == nil && p.Count == peers && len(n.Nodes()) == nodes
					})
				}
			}
			knows("all three", 2, 2)
			gone.Store(true)
			for _, conn := range proxy.Conns() {
				conn.Do(faultproxy.Vanish)
			}
			knows("the two that are left", 1, 1)
			gone.Store(false)
			knows("all three again", 2, 2)
			eventually(t, "the others, for the one that is back", func() bool {
				p, err := vanishes.Peers(t.Context(), "/")
				return err == nil && p.Count == 2 && len(vanishes.Nodes()) == 2
			})
		})
	}
}

// Who does not know the Secret is not waited for, though it listens.
func TestCountWithSecret(t *testing.T) {
	both(t, func(t *testing.T, plane func(Config) backplane.Backplane) {
		c := config(t)
		c.Secret = "one"
		other := c
		other.Secret = "another"
		one, two := join(t, plane(c), "/"), join(t, plane(c), "/")
		strangers := []*member{join(t, plane(other), "/"), join(t, plane(other), "/"), join(t, plane(other), "/")}
		for _, tt := range []struct {
			node *member
			want int
		}{{one, 1}, {two, 1}, {strangers[0], 2}} {
			eventually(t, "the nodes with the same Secret", func() bool { return len(tt.node.Nodes()) == tt.want })
			if n := peers(t, tt.node, "/"); n != tt.want {
				t.Errorf("%d peers, not %d", n, tt.want)
			}
		}
		one.Shut("/")
		eventually(t, "who has the namespace open", func() bool { return peers(t, two, "/") == 0 })
	})
}
