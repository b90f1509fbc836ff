package engine

import (
	"sync"
	"testing"
)

// stillConn is a PromptConn that counts.
type stillConn struct {
	Conn
	mu     sync.Mutex
	frames int
}

func (*stillConn) Prompt() bool       { return true }
func (*stillConn) FinishWrite() error { return nil }

func (c *stillConn) TryWriteFrames(frames []*Frame) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames += len(frames)
	return true, nil
}

// However often sessions are written to by others before a flusher comes, each is in
// its list once: the list does not grow with what is sent.
func TestTheFlushersListIsBounded(t *testing.T) {
	srv, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	srv.flusher.running = 1 // which does not come
	conns, sessions := make([]*stillConn, 10), make([]*Session, 10)
	for i := range sessions {
		conns[i] = new(stillConn)
		sessions[i] = &Session{server: srv, conn: conns[i], prompt: true}
	}
	for range 1000 {
		for _, s := range sessions {
			_ = s.SendText("x")
			s.Hurry()
		}
	}
	for _, s := range sessions {
		_ = s.SendText("last")
	}
	if n := len(srv.flusher.due); n > len(sessions) {
		t.Errorf("%d entries for %d sessions", n, len(sessions))
	}
	srv.flusher.run()
	for i, c := range conns {
		if c.frames != 1001 || sessions[i].writing || sessions[i].queue != nil {
			t.Errorf("session %d: %d frames", i, c.frames)
		}
	}
	if f := &srv.flusher; f.running != 0 || len(f.due) != 0 || f.next != 0 {
		t.Errorf("left: %+v", f)
	}
}

// A list that never empties is cut at its start.
func TestTheFlushersListForgetsWhatIsDone(t *testing.T) {
	f := &flusher{running: 1000} // which leave it to the test
	srv := &Server{}
	add := func(n int) {
		for range n {
			f.add(&Session{server: srv})
		}
	}
	add(2 * flushChunk)
	for range 1000 {
		add(flushChunk)
		if got := f.take(nil); len(got) != flushChunk {
			t.Fatalf("took %d", len(got))
		}
	}
	if cap(f.due) > 16*flushChunk {
		t.Errorf("room for %d where %d wait", cap(f.due), len(f.due)-f.next)
	}
}
