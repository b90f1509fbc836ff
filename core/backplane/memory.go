package backplane

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
)

// A Memory is a [Backplane] between servers of one process. Messages are handed
// over as they are, in goroutines that exist only while there is something to hand
// over.
type Memory struct {
	// MaxQueued bounds the messages that wait for one node's receiver; those
	// beyond are dropped and counted. It must be set before the first Join.
	// Default 10,000.
	MaxQueued int

	dropped atomic.Int64

	mu    sync.Mutex // guards the nodes' queues, too, so that all see one order
	nodes []*memoryNode
}

// NewMemory makes a backplane for servers of this process, to be given to each of
// them.
func NewMemory() *Memory { return new(Memory) }

// Dropped returns how many messages were dropped since the start, because a node's
// receiver did not keep up.
func (m *Memory) Dropped() int64 { return m.dropped.Load() }

// A memoryNode is guarded by the Memory's mu.
type memoryNode struct {
	memory   *Memory
	id       string
	receiver Receiver
	queue    []Message
	handing  bool // a goroutine hands messages over
	closed   bool
}

// Join implements [Backplane]. It does not fail.
func (m *Memory) Join(r Receiver) (Node, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	n := &memoryNode{memory: m, id: hex.EncodeToString(id[:]), receiver: r}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes = append(m.nodes, n)
	return n, nil
}

func (m *Memory) limit() int {
	if m.MaxQueued > 0 {
		return m.MaxQueued
	}
	return 10_000
}

// add queues a message. The caller holds m.mu.
func (m *Memory) add(to *memoryNode, message Message) {
	// That a node has left must be known, and can be said but once.
	if len(to.queue) >= m.limit() && message.Kind != NodeLeft {
		m.dropped.Add(1)
		return
	}
	to.queue = append(to.queue, message)
	if !to.handing {
		to.handing = true
		go to.handOver()
	}
}

// handOver gives messages to the receiver until there are none. A receiver that
// ends the goroutine does not end that.
func (n *memoryNode) handOver() {
	done := false
	defer func() {
		if !done {
			go n.handOver()
		}
	}()
	for {
		m, ok := n.take()
		if !ok {
			done = true
			return
		}
		n.give(m)
	}
}

// take returns what has waited for longest. If there is nothing, nobody hands over
// any more.
func (n *memoryNode) take() (m Message, ok bool) {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if len(n.queue) == 0 {
		n.queue, n.handing = nil, false
		return Message{}, false
	}
	m = n.queue[0]
	n.queue[0] = Message{}
	n.queue = n.queue[1:]
	return m, true
}

func (n *memoryNode) give(m Message) {
	defer func() {
		if v := recover(); v != nil {
			slog.Error("backplane: a receiver panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	n.receiver(m)
}

// ID implements [Node].
func (n *memoryNode) ID() string { return n.id }

// Peers implements [Node].
func (n *memoryNode) Peers(context.Context) ([]string, error) {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.closed {
		return nil, ErrClosed
	}
	var peers []string
	for _, other := range n.memory.nodes {
		if other != n {
			peers = append(peers, other.id)
		}
	}
	return peers, nil
}

// Publish implements [Node].
func (n *memoryNode) Publish(_ context.Context, m Message) error {
	return n.send(m, func(*memoryNode) bool { return true })
}

// Send implements [Node].
func (n *memoryNode) Send(_ context.Context, to string, m Message) error {
	return n.send(m, func(other *memoryNode) bool { return other.id == to })
}

func (n *memoryNode) send(m Message, to func(*memoryNode) bool) error {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	m.From = n.id
	for _, other := range n.memory.nodes {
		if other != n && to(other) {
			n.memory.add(other, m)
		}
	}
	return nil
}

// Close implements [Node].
func (n *memoryNode) Close() error {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	n.queue = nil
	n.memory.nodes = slices.DeleteFunc(n.memory.nodes, func(other *memoryNode) bool { return other == n })
	for _, other := range n.memory.nodes {
		n.memory.add(other, Message{Kind: NodeLeft, From: n.id})
	}
	return nil
}
