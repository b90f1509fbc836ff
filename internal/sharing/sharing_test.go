package sharing

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/hosts"
	"github.com/kawat-go/kawat/internal/testclient"
)

// A guest says numbered things, one after another, and notes what it hears.
type guest struct {
	client *testclient.Client
	binary bool // an attachment is awaited

	mu    sync.Mutex
	heard int
	wrong string
	more  chan struct{}
}

// The ways of a client.
const (
	polls    = "polling"
	sockets  = "websocket"
	upgrades = "upgrade"
)

func join(ctx context.Context, t *testing.T, addr, way string) *guest {
	t.Helper()
	g := &guest{more: make(chan struct{}, 1)}
	opts := testclient.Options{Addr: addr, OnMessage: g.message, Header: "X-Forwarded-For: 203.0.113.7\r\n"}
	if way == sockets {
		opts.Transport = testclient.WebSocket
	}
	var err error
	if g.client, err = testclient.Connect(ctx, opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.client.Abort)
	if err := g.client.Join(ctx); err != nil {
		t.Fatal(err)
	}
	return g
}

// message notes an echo, whose number must be the next, and its attachment.
func (g *guest) message(binary bool, data []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if binary != g.binary {
		g.wrong = fmt.Sprintf("%.100q", data)
	}
	g.binary = !binary
	if want := fmt.Sprintf(`"m%d"`, g.heard); !binary && !strings.Contains(string(data), want) {
		g.wrong = fmt.Sprintf("%.100q, not %s", data, want)
	}
	if binary {
		g.heard++
		select {
		case g.more <- struct{}{}:
		default:
		}
	}
}

// say says the next n things. Every fifth is large.
func (g *guest) say(from, n int) error {
	for i := from; i < from+n; i++ {
		data := []byte{byte(i)}
		if i%5 == 0 {
			data = make([]byte, 100_000)
		}
		if err := g.client.Send(fmt.Appendf(nil, `51-["echo","m%d",{"_placeholder":true,"num":0}]`, i), data); err != nil {
			return err
		}
	}
	return nil
}

// hears waits until so much is heard, or the client has ended.
func (g *guest) hears(ctx context.Context, n int) error {
	for {
		g.mu.Lock()
		heard, wrong := g.heard, g.wrong
		g.mu.Unlock()
		switch {
		case wrong != "":
			return fmt.Errorf("after %d messages: %s", heard, wrong)
		case heard >= n:
			return nil
		}
		select {
		case <-g.more:
		case <-g.client.Done():
			return fmt.Errorf("after %d of %d messages: %w", heard, n, g.client.Err())
		case <-ctx.Done():
			return fmt.Errorf("after %d of %d messages: %w", heard, n, ctx.Err())
		}
	}
}

// story has a client say and hear everything, in its way.
func story(ctx context.Context, t *testing.T, addr, way string) error {
	g := join(ctx, t, addr, way)
	const some = 20
	if err := g.say(0, some); err != nil {
		return err
	}
	if way == upgrades {
		if err := g.client.Upgrade(ctx); err != nil { // while all that is on its way
			return err
		}
	}
	if err := g.hears(ctx, some); err != nil {
		return err
	}
	for i := some; i < 2*some; i += 2 {
		if err := g.say(i, 2); err != nil {
			return err
		}
		if err := g.hears(ctx, i+2); err != nil {
			return err
		}
	}
	return g.client.Close()
}

// On every host, and whichever node each request comes to, nothing is lost, repeated or
// reordered.
func TestAnyNode(t *testing.T) {
	for _, host := range hosts.Names() {
		for _, policy := range []string{"in turn", "at random"} {
			t.Run(host+" "+policy, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				c := start(t, host, policy == "at random", patience)
				var all sync.WaitGroup
				for _, way := range []string{polls, sockets, upgrades, polls, upgrades} {
					all.Go(func() {
						if err := story(ctx, t, c.addr, way); err != nil {
							t.Errorf("%s: %v", way, err)
						}
					})
				}
				all.Wait()
				sent, served, failed := c.passedOn()
				for ; served != sent && ctx.Err() == nil; sent, served, failed = c.passedOn() {
					time.Sleep(10 * time.Millisecond) // the last one may be on its way
				}
				clients := 0
				for _, n := range c.nodes {
					stats := n.io.Stats()
					if stats.IgnoredMail > 0 || stats.Panics > 0 || stats.Engine.Panics > 0 {
						t.Errorf("%+v", stats)
					}
					n.mu.Lock()
					for _, address := range n.addresses {
						clients++
						if !strings.HasPrefix(address, "203.0.113.7") {
							t.Errorf("a client's address is %q", address)
						}
					}
					n.mu.Unlock()
				}
				if sent < c.taken.Load()/4 || served != sent || failed > 0 || clients != 5 {
					t.Errorf("%d requests, of which %d were passed on, %d served and %d failed; %d clients", c.taken.Load(), sent, served, failed, clients)
				}
			})
		}
	}
}

// A node that is killed takes its clients with it, who hear of it soon, and no others
// but those that it held a WebSocket or a poll of.
func TestKill(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := start(t, "nethttp", true, 3*time.Second) // of whom a reply was on its way through it ends by the heartbeat
	var guests []*guest
	for i := range 12 {
		g := join(ctx, t, c.addr, []string{polls, upgrades}[i%2])
		if i%2 == 1 {
			if err := g.client.Upgrade(ctx); err != nil {
				t.Fatal(err)
			}
		}
		guests = append(guests, g)
	}
	began := time.Now()
	c.kill(c.nodes[0])
	ended, went := 0, 0
	for _, g := range guests {
		err := g.say(0, 10)
		if err == nil {
			err = g.hears(ctx, 10)
		}
		if err == nil {
			went++
		} else {
			ended++
		}
		if ctx.Err() != nil {
			t.Fatalf("a client neither goes on nor ends: %v", err)
		}
	}
	t.Logf("%d clients went on and %d ended, %v after the kill", went, ended, time.Since(began))
	// Those who had a poll or a WebSocket through the node have ended, too: all that is
	// left is on two nodes, and nothing is left of others.
	sockets := 0
	for _, n := range c.nodes[1:] {
		sockets += n.io.Stats().Sockets
	}
	if sockets != went {
		waitFor(ctx, t, func() bool {
			sockets = 0
			for _, n := range c.nodes[1:] {
				sockets += n.io.Stats().Sockets
			}
			return sockets == went
		})
	}
	for i := range 4 { // new ones find their place
		if err := story(ctx, t, c.addr, []string{polls, upgrades}[i%2]); err != nil {
			t.Error(err)
		}
	}
}

func waitFor(ctx context.Context, t *testing.T, there func() bool) {
	t.Helper()
	for !there() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("it did not come")
		}
	}
}
