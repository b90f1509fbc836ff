//go:build linux

package faults

import (
	"context"
	"sync"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/siotest"
)

const (
	nodesOfWorld   = 2
	clientsOfNode  = 2
	requestTimeout = time.Second // of what nodes ask each other
)

// A world is a cluster, with traffic from each node to all clients. Its node 0 is a
// server alone, which shows what the machine is like.
type world struct {
	nodes []*member // node 0 first
	gates []*gate   // of the others
	bus   server    // nil if the nodes are it

	mu       sync.Mutex
	requests []time.Duration // how long they took
}

// A member is a node with its clients.
type member struct {
	world *world
	index int
	io    *socketio.Server

	mu      sync.Mutex
	sent    []emission
	events  []backplane.Event
	clients []*listener
}

type emission struct {
	at   time.Time
	took time.Duration
}

// A listener is a client that notes what it hears.
type listener struct {
	home *member

	mu    sync.Mutex
	heard [nodesOfWorld + 1][]hearing // by the node that has said it
}

type hearing struct {
	seq int
	at  time.Time
}

func newWorld(t testing.TB, p plane) *world {
	t.Helper()
	w := new(world)
	w.add(t, nil)
	if p.start != nil {
		w.bus = p.start(t)
	}
	var addrs []string
	for range nodesOfWorld {
		if w.bus != nil {
			w.gates = append(w.gates, newGate(t, w.bus.Addr()))
			continue
		}
		addrs = append(addrs, freeAddr(t))
		w.gates = append(w.gates, newGate(t, addrs[len(addrs)-1]))
	}
	for i, g := range w.gates {
		var link backplane.Backplane
		var end func()
		var err error
		if w.bus != nil {
			link, end, err = p.open(g.proxy.Addr())
		} else {
			link, end, err = openEmbedded(g.proxy.Addr(), []string{addrs[i], w.gates[1-i].proxy.Addr()})
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(end)
		w.add(t, link)
	}
	eventually(t, 30*time.Second, "the nodes know each other", w.together)
	return w
}

func (w *world) add(t testing.TB, link backplane.Backplane) {
	t.Helper()
	m := &member{world: w, index: len(w.nodes)}
	cfg := socketio.Config{Backplane: link, Observer: &socketio.Observer{Backplane: m.observe}}
	var err error
	if m.io, err = socketio.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.io.Close() })
	root := m.io.Of("/")
	root.OnConnection(func(context.Context, *socketio.Socket) error { return nil })
	root.OnServerSide("ask", func(_ context.Context, e *socketio.ServerSideEvent) error { return e.Ack("here") })
	for range clientsOfNode {
		l := &listener{home: m}
		c := siotest.Open(t, m.io, siotest.Options{})
		c.On("said", l.hear)
		if err := c.Connect(); err != nil {
			t.Fatal(err)
		}
		m.clients = append(m.clients, l)
	}
	w.nodes = append(w.nodes, m)
}

func (m *member) observe(e backplane.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
}

func (l *listener) hear(e siotest.Event) {
	at := time.Now()
	var from, seq int
	if err := e.Bind(&from, &seq); err != nil {
		panic(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard[from] = append(l.heard[from], hearing{seq, at})
}

// from returns what a node has said, as far as the client has heard it, from a seq on.
func (l *listener) from(node, seq int) []hearing {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.heard[node]
	for i, h := range all {
		if h.seq >= seq {
			return append([]hearing(nil), all[i:]...)
		}
	}
	return nil
}

// talk lets a node say something all the time, until ctx ends.
func (m *member) talk(ctx context.Context, t testing.TB, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	root := m.io.Of("/")
	for seq := 0; ; seq++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		start := time.Now()
		m.mu.Lock()
		m.sent = append(m.sent, emission{at: start})
		m.mu.Unlock()
		start = time.Now()
		err := root.Emit("said", m.index, seq)
		took := time.Since(start)
		if err != nil {
			t.Errorf("Emit on node %d: %v", m.index, err)
		}
		m.mu.Lock()
		m.sent[seq].took = took
		m.mu.Unlock()
	}
}

// ask lets a node ask the others all the time, until ctx ends.
func (m *member) ask(ctx context.Context) {
	for root := m.io.Of("/"); ctx.Err() == nil; {
		for _, request := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := root.FetchSockets(ctx); return err },
			func(ctx context.Context) error { _, err := root.Count(ctx); return err },
			func(ctx context.Context) error { _, err := root.ServerSideEmitWithAck(ctx, "ask"); return err },
		} {
			limited, cancel := context.WithTimeout(context.Background(), requestTimeout)
			start := time.Now()
			_ = request(limited) // what it says is judged elsewhere
			cancel()
			m.world.mu.Lock()
			m.world.requests = append(m.world.requests, time.Since(start))
			m.world.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// together reports whether each node knows all clients.
func (w *world) together() bool {
	for _, m := range w.nodes[1:] {
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		sockets, err := m.io.Of("/").FetchSockets(ctx)
		cancel()
		if err != nil || len(sockets) != nodesOfWorld*clientsOfNode || m.io.Stats().Backplane.Down {
			return false
		}
	}
	return true
}
