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
	moved    chan struct{} // the deadline has been

	mu       sync.Mutex
	deadline time.Time
	resets   int // how often the deadline was taken away
}

func newSlowBody(content string) *slowBody {
	return &slowBody{content: bytes.NewReader([]byte(content)), released: make(chan struct{}), moved: make(chan struct{}, 1)}
}

func (b *slowBody) release() { close(b.released) }

func (b *slowBody) setDeadline(at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deadline = at; at.IsZero() {
		b.resets++
	}
	select {
	case b.moved <- struct{}{}:
	default:
	}
	return nil
}

func (b *slowBody) Read(p []byte) (int, error) {
	for {
		b.mu.Lock()
		deadline := b.deadline
		b.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			late = time.After(time.Until(deadline))
		}
		select {
		case <-b.released:
			return b.content.Read(p)
		case <-late:
			return 0, os.ErrDeadlineExceeded
		case <-b.moved:
		}
	}
}
