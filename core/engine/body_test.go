package engine_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
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

// Bodies of any length arrive whole, one byte at a time or at once, though their
// buffers are used again.
func TestBodyLengths(t *testing.T) {
	h := serve(t, engine.Config{MaxPayload: 5000})
	c := h.connect()
	for i, n := range []int{1, 1022, 1023, 1024, 1025, 4999, 2, 2047, 2048} {
		text := strings.Repeat(string(rune('a'+i)), n)
		for name, r := range map[string]io.Reader{
			"at once": strings.NewReader("4" + text), "with its end": iotest.DataErrReader(strings.NewReader("4" + text)),
			"bytes": iotest.OneByteReader(strings.NewReader("4" + text)),
		} {
			for _, length := range []int64{int64(n) + 1, -1} {
				req := request("POST", c.query(), "")
				req.Body, req.ContentLength = r, length
				if length < 0 {
					req.Body = strings.NewReader("4" + text)
				}
				before := len(c.got())
				if reply := h.ServePoll(t.Context(), req); reply.Status != 200 {
					t.Fatalf("%s, %d bytes: %d", name, n, reply.Status)
				}
				if got := c.got(); len(got) != before+1 || got[before] != message(text) {
					t.Errorf("%s, %d bytes, said to be %d: %.20q", name, n, length, got[before:])
				}
			}
		}
	}
}
