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
