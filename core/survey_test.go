package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
)

// A modest backplane does not know who the others are, like some that others speak;
// strangers are nodes that seem to be none of Kawat's.
type modest struct {
	backplane.Backplane
	strangers bool
}

func (b modest) Join(ctx context.Context, h backplane.Host) (backplane.Node, error) {
	receive := h.Receive
	h.Receive = func(m backplane.Message) {
		switch m.Kind {
		case backplane.NodeLeft:
			return
		case backplane.FetchSocketsResponse, backplane.ServerSideEmitResponse, backplane.ClientCount, backplane.Ack:
			m.From = ""
		}
		receive(m)
	}
	n, err := b.Backplane.Join(ctx, h)
	return modestNode{n, b.strangers}, err
}

type modestNode struct {
	backplane.Node
	strangers bool
}

func (n modestNode) Peers(ctx context.Context, namespace string) (backplane.Peers, error) {
	p, err := n.Node.Peers(ctx, namespace)
	p.IDs = nil
	return p, err
}

func (n modestNode) Nodes() []string {
	if n.strangers {
		return nil
	}
	return n.Node.Nodes()
}

// Every kind of backplane gives the same answers.
func TestSurveys(t *testing.T) {
	for name, link := range map[string]func() backplane.Backplane{
		"peers are known":   func() backplane.Backplane { return backplane.NewMemory() },
		"are counted":       func() backplane.Backplane { return modest{backplane.NewMemory(), false} },
		"are none of ours":  func() backplane.Backplane { return modest{backplane.NewMemory(), true} },
		"there is only one": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, count := socketio.Config{}, 3
				if link == nil {
					count = 1
				} else {
					cfg.Backplane = link()
				}
				var all []*server
				for i := range count {
					io := serve(t, cfg)
					io.PresenceKey(func(r *socketio.RemoteSocket) string {
						name, _ := socketio.Data[string](r)
						return name
					})
					all = append(all, io)
					for j := range 3 {
						s := socketOf(t, io.Namespace, dial(t, io))
						must(t, s.Join("r/all", fmt.Sprint("r/", i), "other\xff"))
						if j < 2 {
							s.SetData(fmt.Sprint("user", min(i, j)))
						}
					}
				}
				want := map[string]int{"r/all": 3 * count}
				for i := range count {
					want[fmt.Sprint("r/", i)] = 3
				}
				for i, io := range all {
					start := time.Now()
					if got, err := io.Count(t.Context()); got != 3*count || err != nil {
						t.Errorf("node %d: %d sockets, %v", i, got, err)
					}
					if got, err := io.To("r/0").Count(t.Context()); got != 3 || err != nil {
						t.Errorf("node %d: %d sockets in a room, %v", i, got, err)
					}
					if got, err := io.Local().Count(t.Context()); got != 3 || err != nil {
						t.Errorf("node %d: %d sockets of its own, %v", i, got, err)
					}
					if got, err := io.RoomSizes(t.Context(), "r/"); !maps.Equal(got, want) || err != nil {
						t.Errorf("node %d: %v, %v", i, got, err)
					}
					if got, err := io.To("r/0").RoomSizes(t.Context(), "r/"); fmt.Sprint(got) != "map[r/0:3 r/all:3]" || err != nil {
						t.Errorf("node %d: %v, %v", i, got, err)
					}
					wantThere := map[int]string{1: "[{user0 2}]", 3: "[{user0 4} {user1 2}]"}[count]
					if got, err := io.Present(t.Context()); fmt.Sprint(got) != wantThere || err != nil {
						t.Errorf("node %d: %v, %v", i, got, err)
					}
					if took := time.Since(start); took != 0 {
						t.Errorf("node %d: took %v", i, took)
					}
				}
				if count == 1 {
					return
				}
				must(t, all[1].Close())
				settle()
				if got := must1(all[0].Present(t.Context())); fmt.Sprint(got) != "[{user0 3} {user1 1}]" {
					t.Errorf("after a node has gone: %v", got)
				}
				if got := must1(all[0].Count(t.Context())); got != 6 {
					t.Errorf("after a node has gone: %d sockets", got)
				}
			})
		})
	}
}

// A node that is asked, and says nothing, is not waited for when it has left, nor
// forever.
func TestSurveysEnd(t *testing.T) {
	for _, name := range []string{"known", "counted"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := backplane.NewMemory()
				link := backplane.Backplane(memory)
				if name == "counted" {
					link = modest{memory, false}
				}
				io := serve(t, socketio.Config{Backplane: link})
				dial(t, serve(t, socketio.Config{Backplane: link}))
				silent, err := memory.Join(t.Context(), backplane.Host{Receive: func(backplane.Message) {}, Relay: func(string, []byte) {}, Left: func(string) {}})
				must(t, err)
				silent.Open("/")
				start := time.Now()
				n, err := io.Count(t.Context())
				var missing *socketio.NodesError
				if n != 1 || !errors.Is(err, socketio.ErrAckTimeout) || !errors.As(err, &missing) || missing.Expected != 2 || missing.Answered != 1 || time.Since(start) != 5*time.Second {
					t.Error(n, err, time.Since(start))
				}
				time.AfterFunc(time.Second, func() { _ = silent.Close() })
				start = time.Now()
				if n, err := io.Count(t.Context()); n != 1 || err != nil || time.Since(start) != time.Second {
					t.Error(n, err, time.Since(start))
				}
			})
		})
	}
}

// What servers other than Kawat's have is counted, too, where they are among the
// members.
func TestSurveysWithoutTheNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, link := range []backplane.Backplane{backplane.NewMemory(), modest{backplane.NewMemory(), false}} {
			a, b := serve(t, socketio.Config{Backplane: link}), serve(t, socketio.Config{Backplane: link})
			a.Of("/x")
			b.Of("/y")
			dialIn(t, a, "/x")
			if n, err := a.Of("/x").Count(t.Context()); n != 1 || err != nil {
				t.Error(n, err)
			}
			b.Of("/x")
			dialIn(t, b, "/x")
			if n, err := a.Of("/x").Count(t.Context()); n != 2 || err != nil {
				t.Error(n, err)
			}
		}
	})
}

// A node without the namespace is none of those that are counted.
func TestSurveysCountMembersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := backplane.NewMemory()
		link := modest{memory, false}
		io := serve(t, socketio.Config{Backplane: link})
		serve(t, socketio.Config{Backplane: link})
		silent := pull(t, memory)
		io.Of("/x")
		silent.Open("/x")
		start := time.Now()
		if n, err := io.Of("/x").Count(t.Context()); n != 0 || !errors.Is(err, socketio.ErrAckTimeout) || time.Since(start) != 5*time.Second {
			t.Error(n, err, time.Since(start))
		}
	})
}
