package engine_test

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"
)

// A slowBody is a POST body that arrives when the client lets it, and whose
// reading obeys a deadline.
type slowBody struct {
	content  io.Reader
	released chan struct{}

	mu       sync.Mutex
	deadline time.Time
	resets   int // how often the deadline was taken away
}

func newSlowBody(content string) *slowBody {
	return &slowBody{content: bytes.NewReader([]byte(content)), released: make(chan struct{})}
}

func (b *slowBody) release() { close(b.released) }

func (b *slowBody) setDeadline(at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deadline = at; at.IsZero() {
		b.resets++
	}
	return nil
}

func (b *slowBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	deadline := b.deadline
	b.mu.Unlock()
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-b.released:
		return b.content.Read(p)
	case <-late:
		return 0, os.ErrDeadlineExceeded
	}
}
