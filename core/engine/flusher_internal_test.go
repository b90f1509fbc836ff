package engine

import (
	"sync"
	"testing"
)

// stillConn is a PromptConn that counts.
type stillConn struct {
	Conn
	mu             sync.Mutex
	frames, writes int
}

func (*stillConn) Prompt() bool       { return true }
func (*stillConn) FinishWrite() error { return nil }

func (c *stillConn) TryWriteFrames(frames []*Frame) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames += len(frames)
	c.writes++
	return true, nil
}

// absentFlusher makes a server whose flusher does not come.
func absentFlusher(t *testing.T) *Server {
	srv, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	srv.flusher.running = 1
	return srv
}

// Who hurries, or flushes, has written when he returns, in one write, if nobody else
// had begun.
func TestWhoHurriesWrites(t *testing.T) {
	for name, hurry := range map[string]func(*Session){"Hurry": (*Session).Hurry, "Flush": (*Session).Flush} {
		t.Run(name, func(t *testing.T) {
			srv, c := absentFlusher(t), new(stillConn)
			s := &Session{server: srv, conn: c, prompt: true}
			hurry(s) // of nothing
			for range 3 {
				_ = s.SendText("a")
			}
			if c.writes != 0 || s.Writable() {
				t.Errorf("%d writes, writable: %v, before", c.writes, s.Writable())
			}
			hurry(s)
			if c.writes != 1 || c.frames != 3 || !s.Writable() {
				t.Errorf("%d writes of %d frames, writable: %v", c.writes, c.frames, s.Writable())
			}
			hurry(s)
			srv.flusher.run()
			if c.writes != 1 {
				t.Errorf("%d writes", c.writes)
			}
		})
	}
	srv, c := absentFlusher(t), new(stillConn)
	s := &Session{server: srv, conn: c, prompt: true}
	_ = s.Queue(BinaryFrame(nil))
	s.Hurry()
	if c.writes != 0 {
		t.Error("what is queued to wait does not")
	}
}

// However often sessions are written to by others before a flusher comes, each is in
// its list once: the list does not grow with what is sent.
func TestTheFlushersListIsBounded(t *testing.T) {
	srv := absentFlusher(t)
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
	wantForgotten(t, &srv.flusher)
}

// wantForgotten looks for sessions that a flusher's list holds on to.
func wantForgotten(t *testing.T, f *flusher) {
	t.Helper()
	for i, s := range f.due[:cap(f.due)] {
		if s != nil && (i < f.next || i >= len(f.due)) {
			t.Errorf("holds on to number %d, where %d to %d wait", i, f.next, len(f.due))
			return
		}
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
		wantForgotten(t, f)
	}
	if cap(f.due) > 16*flushChunk {
		t.Errorf("room for %d where %d wait", cap(f.due), len(f.due)-f.next)
	}
}
