package engine

import (
	"runtime"
	"sync"
)

// A flusher writes what is queued for connections that can be written to without
// waiting, a few goroutines for all of them. Compared with a goroutine for each
// write that saves about half of what a delivery of a broadcast costs beside the
// system call, and while the flusher is busy with others, more is queued that then
// leaves in the same write.
//
// Its goroutines exist only while there is something to write.
type flusher struct {
	mu      sync.Mutex
	due     []*Session // each at most once, see Session.listed
	next    int        // the first of due that nobody has taken
	running int
}

// flushChunk is how many sessions one goroutine takes at a time. It lets others run
// after each, so that what arrives meanwhile is not kept waiting by a broadcast to
// a large room.
const flushChunk = 64

// add has the session's queue written. The caller holds s.mu, and has set
// s.writing and s.due.
func (f *flusher) add(s *Session) {
	if s.listed {
		return
	}
	s.listed = true
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.due) == cap(f.due) && f.next > len(f.due)/2 {
		n := copy(f.due, f.due[f.next:])
		clear(f.due[n:])
		f.due, f.next = f.due[:n], 0
	}
	f.due = append(f.due, s)
	if waiting := len(f.due) - f.next; f.running == 0 || waiting > f.running*2*flushChunk && f.running < runtime.GOMAXPROCS(0) {
		f.running++
		go f.run()
	}
}

func (f *flusher) run() {
	chunk := make([]*Session, 0, flushChunk)
	for {
		if chunk = f.take(chunk[:0]); len(chunk) == 0 {
			return
		}
		for _, s := range chunk {
			s.takeTurn()
		}
		clear(chunk)
		runtime.Gosched()
	}
}

// take moves the next of those that are due to chunk. Where there is none, the
// goroutine that asked must end.
func (f *flusher) take(chunk []*Session) []*Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.due)-f.next, flushChunk)
	chunk = append(chunk, f.due[f.next:f.next+n]...)
	clear(f.due[f.next : f.next+n])
	f.next += n
	if f.next == len(f.due) {
		f.due, f.next = f.due[:0], 0
		if cap(f.due) > maxPooled*8 {
			f.due = nil
		}
	}
	if n == 0 {
		f.running--
	}
	return chunk
}
