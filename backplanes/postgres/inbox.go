package postgres

import "sync"

// An arrival is a notification, or that a node of Kawat's is gone, or that one has
// been silent in a namespace, or that messages could not be sent.
type arrival struct {
	channel, payload string
	gone             string
	told             chan<- struct{} // closed when the host knows who is gone
	silent           *namespace
	from             string // who was silent
	unsent           int
	err              error
}

// An inbox is the bounded queue between the connection that listens, which must be
// read lest the server have to keep what waits for it, and the goroutine that hands
// messages over.
type inbox struct {
	items, bytes int // the bounds
	ready        chan struct{}

	mu    sync.Mutex
	queue []arrival
	held  int // bytes
	lost  int
}

func newInbox(items, bytes int) *inbox {
	return &inbox{items: items, bytes: bytes, ready: make(chan struct{}, 1)}
}

// add queues a notification, or drops and counts it. What is known here of a node is
// always queued.
func (b *inbox) add(a arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := len(a.channel) + len(a.payload)
	if size > 0 && (len(b.queue) >= b.items || b.held+size > b.bytes) {
		b.lost++
		return
	}
	b.held += size
	b.queue = append(b.queue, a)
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take returns all that waits, and how many were dropped before.
func (b *inbox) take() (queue []arrival, lost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	queue, lost = b.queue, b.lost
	b.queue, b.held, b.lost = nil, 0, 0
	return queue, lost
}
