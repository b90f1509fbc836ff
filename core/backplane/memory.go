package backplane

import (
	"context"
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
	// MaxQueued bounds the messages that wait for one node; those beyond are dropped
	// and counted. It must be set before the first Join. Default 10,000.
	MaxQueued int

	dropped atomic.Int64

	mu    sync.Mutex // guards the nodes' queues, too, so that all see one order
	nodes []*memoryNode
	kept  *memoryKept // nil unless it is durable
}

// NewMemory makes a backplane for servers of this process, to be given to each of
// them.
func NewMemory() *Memory { return new(Memory) }

// Dropped returns how many messages were dropped since the start, because a node did
// not keep up.
func (m *Memory) Dropped() int64 { return m.dropped.Load() }

// A memoryNode is guarded by the Memory's mu.
type memoryNode struct {
	memory  *Memory
	id      string
	host    Host
	open    map[string]bool
	heads   map[string]Offset // of the namespaces, if it is durable
	queue   []memoryItem
	handing bool // a goroutine hands items over
	closed  bool
}

// A memoryItem is a message, what was relayed, or that a node has left.
type memoryItem struct {
	message *Message
	from    string
	relayed []byte
	left    bool
}

// Join implements [Backplane]. It does not fail.
func (m *Memory) Join(_ context.Context, host Host) (Node, error) {
	n := &memoryNode{memory: m, id: NewID(), host: host, open: make(map[string]bool)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes = append(m.nodes, n)
	if m.kept != nil {
		n.heads = make(map[string]Offset)
		return durableMemoryNode{n}, nil
	}
	return n, nil
}

// Publisher returns one that sends to the nodes as they are then.
func (m *Memory) Publisher() Publisher {
	return &memoryPublisher{memoryNode{memory: m, id: "emitter"}}
}

// A memoryPublisher is a node that nobody knows.
type memoryPublisher struct{ node memoryNode }

// Publish implements [Publisher].
func (p *memoryPublisher) Publish(m Message) error {
	m.Echo, m.Request = false, ""
	return p.node.Publish(m)
}

// Close implements [Publisher].
func (p *memoryPublisher) Close() error {
	p.node.memory.mu.Lock()
	defer p.node.memory.mu.Unlock()
	p.node.closed = true
	return nil
}

func (m *Memory) limit() int {
	if m.MaxQueued > 0 {
		return m.MaxQueued
	}
	return 10_000
}

// add queues an item. The caller holds m.mu.
func (m *Memory) add(to *memoryNode, item memoryItem) {
	// That a node has left must be known, and can be said but once.
	leaves := item.left || item.message != nil && item.message.Kind == NodeLeft
	if len(to.queue) >= m.limit() && !leaves {
		m.dropped.Add(1)
		return
	}
	m.addAnyway(to, item)
}

func (m *Memory) addAnyway(to *memoryNode, item memoryItem) {
	to.queue = append(to.queue, item)
	if !to.handing {
		to.handing = true
		go to.handOver()
	}
}

// handOver gives items to the host until there are none. A host that ends the
// goroutine does not end that.
func (n *memoryNode) handOver() {
	done := false
	defer func() {
		if !done {
			go n.handOver()
		}
	}()
	for {
		item, ok := n.take()
		if !ok {
			done = true
			return
		}
		n.give(item)
	}
}

// take returns what has waited for longest. If there is nothing, nobody hands over
// any more.
func (n *memoryNode) take() (item memoryItem, ok bool) {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if len(n.queue) == 0 {
		n.queue, n.handing = nil, false
		return memoryItem{}, false
	}
	item = n.queue[0]
	n.queue[0] = memoryItem{}
	n.queue = n.queue[1:]
	return item, true
}

func (n *memoryNode) give(item memoryItem) {
	defer func() {
		if v := recover(); v != nil {
			slog.Error("backplane: a host panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	switch {
	case item.left:
		n.host.Left(item.from)
	case item.message != nil:
		n.host.Receive(*item.message)
		n.took(item.message)
	default:
		n.host.Relay(item.from, item.relayed)
	}
}

// took notes that the host has taken a message.
func (n *memoryNode) took(m *Message) {
	if m.Offset.IsZero() {
		return
	}
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.open[m.Namespace] {
		n.heads[m.Namespace] = m.Offset
	}
}

// ID implements [Node].
func (n *memoryNode) ID() string { return n.id }

// Open implements [Node].
func (n *memoryNode) Open(namespace string) {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.closed || n.open[namespace] {
		return
	}
	n.open[namespace] = true
	if n.heads != nil {
		n.heads[namespace] = n.memory.kept.log(namespace).last()
	}
}

// Shut implements [Node].
func (n *memoryNode) Shut(namespace string) {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.open[namespace] {
		n.leave(namespace)
	}
}

// leave tells the other members of a namespace. The caller holds memory.mu.
func (n *memoryNode) leave(namespace string) {
	delete(n.open, namespace)
	for _, other := range n.others(namespace) {
		n.memory.add(other, memoryItem{message: &Message{Kind: NodeLeft, From: n.id, Namespace: namespace}})
	}
}

// others returns the other nodes that have a namespace open. The caller holds
// memory.mu.
func (n *memoryNode) others(namespace string) (others []*memoryNode) {
	for _, other := range n.memory.nodes {
		if other != n && other.open[namespace] {
			others = append(others, other)
		}
	}
	return others
}

// Peers implements [Node].
func (n *memoryNode) Peers(_ context.Context, namespace string) (Peers, error) {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.closed {
		return Peers{}, ErrClosed
	}
	ids := []string{}
	for _, other := range n.others(namespace) {
		ids = append(ids, other.id)
	}
	return Peers{Count: len(ids), IDs: ids}, nil
}

// Publish implements [Node].
func (n *memoryNode) Publish(m Message) error {
	return n.send(m, func(*memoryNode) bool { return true })
}

// Reply implements [Node].
func (n *memoryNode) Reply(to, m Message) error {
	m.Namespace, m.Request = to.Namespace, to.Request
	return n.send(m, func(other *memoryNode) bool { return other.id == to.From })
}

func (n *memoryNode) send(m Message, to func(*memoryNode) bool) error {
	echo := m
	m.Echo, m.Note = false, nil
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	m.From = n.id
	if echo.Echo && len(n.queue) >= n.memory.limit() {
		return ErrQueueFull
	}
	if n.memory.kept != nil && m.logged() {
		n.memory.kept.keep(&m)
	}
	if echo.Echo && n.memory.kept != nil {
		echo.From, echo.Offset = m.From, m.Offset
		n.memory.addAnyway(n, memoryItem{message: &echo})
	}
	for _, other := range n.others(m.Namespace) {
		if to(other) {
			n.memory.add(other, memoryItem{message: &m})
		}
	}
	return nil
}

// Nodes implements [Node].
func (n *memoryNode) Nodes() []string {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	var ids []string
	for _, other := range n.memory.nodes {
		if other != n {
			ids = append(ids, other.id)
		}
	}
	return ids
}

// Relay implements [Node].
func (n *memoryNode) Relay(to string, data []byte) error {
	data = slices.Clone(data)
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	for _, other := range n.memory.nodes {
		if other != n && (to == "" || to == other.id) {
			n.memory.add(other, memoryItem{from: n.id, relayed: data})
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
	for namespace := range n.open {
		n.leave(namespace)
	}
	for _, other := range n.memory.nodes {
		n.memory.add(other, memoryItem{from: n.id, left: true})
	}
	return nil
}
