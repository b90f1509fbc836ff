package backplane_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/backplane/backplanetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	t.Parallel()
	backplanetest.Run(t, backplanetest.Config{New: clusters(backplane.NewMemory)})
}

func TestDurableMemoryAsAnyOther(t *testing.T) {
	t.Parallel()
	backplanetest.Run(t, backplanetest.Config{New: clusters(backplane.NewDurableMemory)})
}

// A modest Memory knows as little as some backplanes that others speak.
func TestAModestMemory(t *testing.T) {
	t.Parallel()
	backplanetest.Run(t, backplanetest.Config{
		New:    clusters(func() modest { return modest{backplane.NewMemory()} }),
		Cannot: backplanetest.Cannot{PeerIDs: true, NodeLeft: true, AnswerFrom: true},
	})
}

type modest struct{ backplane.Backplane }

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
	return modestNode{n}, err
}

type modestNode struct{ backplane.Node }

func (n modestNode) Peers(ctx context.Context, namespace string) (backplane.Peers, error) {
	p, err := n.Node.Peers(ctx, namespace)
	p.IDs = nil
	return p, err
}

// clusters returns what makes the backplane of a cluster, by its name.
func clusters[B backplane.Backplane](make func() B) func(*testing.T, string) backplane.Backplane {
	var all sync.Map
	return func(_ *testing.T, cluster string) backplane.Backplane {
		b, _ := all.LoadOrStore(cluster, make())
		return b.(backplane.Backplane)
	}
}

// join makes a node that takes messages of the namespace "/".
func join(t *testing.T, m *backplane.Memory, receive func(backplane.Message)) backplane.Node {
	t.Helper()
	n, err := m.Join(t.Context(), backplane.Host{Receive: receive, Left: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	n.Open("/")
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func ignore(backplane.Message) {}

// A receiver that does not keep up loses what is beyond the bound, but never hears
// less of who has left, and hurts nobody else.
func TestMemoryIsBounded(t *testing.T) {
	for name, limit := range map[string]int{"set": 5, "default": 10_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := backplane.NewMemory()
				if name == "set" {
					m.MaxQueued = limit
				}
				var mu sync.Mutex
				var slow []string
				others := 0
				sender := join(t, m, ignore)
				behind := join(t, m, func(m backplane.Message) {
					mu.Lock()
					slow = append(slow, m.Request+fmt.Sprint(m.Kind))
					mu.Unlock()
					time.Sleep(time.Second)
				})
				join(t, m, func(backplane.Message) { others++ })
				_ = sender.Publish(backplane.Message{Namespace: "/"})
				synctest.Wait()
				for i := range limit + 7 {
					_ = sender.Publish(backplane.Message{Namespace: "/", Request: fmt.Sprint(i, " ")})
					synctest.Wait()
				}
				_ = sender.Close()
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				if m.Dropped() != 7 || others != limit+9 {
					t.Errorf("%d dropped, another has got %d", m.Dropped(), others)
				}
				if n := len(slow); n != limit+2 || slow[n-1] != fmt.Sprint(backplane.NodeLeft) || slow[n-2] != fmt.Sprint(limit-1, " 0") {
					t.Errorf("%d came, the last was %q", n, slow[n-1])
				}
				_ = behind.Close() // before the others, of whose end it would hear for a second more
			})
		})
	}
}

func TestNoGoroutineWhileIdle(t *testing.T) {
	m := backplane.NewMemory()
	before := runtime.NumGoroutine()
	a := join(t, m, ignore)
	for range 100 {
		join(t, m, ignore)
	}
	_ = a.Publish(backplane.Message{Namespace: "/"})
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, were %d", runtime.NumGoroutine(), before)
		}
	}
}

func TestAReceiverThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := backplane.NewMemory()
		got := 0
		join(t, m, func(backplane.Message) { got++; panic("oops") })
		a := join(t, m, ignore)
		_ = a.Publish(backplane.Message{Namespace: "/"})
		_ = a.Publish(backplane.Message{Namespace: "/"})
		synctest.Wait()
		if got != 2 {
			t.Errorf("got %d", got)
		}
	})
}
