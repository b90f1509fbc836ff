package socketio

import (
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
)

// A tail has what was delivered while sessions were being restored: what a session has
// missed is what the backplane has kept for it, and what has come since. It is empty
// while nobody is being restored. The namespace's mu guards it.
type tail struct {
	readers int
	first   int64 // the number of entries[0]
	entries []tailEntry
	bytes   int
}

type tailEntry struct {
	message backplane.Message
	frames  []*engine.Frame // nil for what is not an event
}

func (e *tailEntry) size() int { return (&entry{frames: e.frames}).size() }

// open lets a reader take all that comes from now on, until it closes the tail.
func (t *tail) open() (from int64) {
	t.readers++
	return t.first + int64(len(t.entries))
}

func (t *tail) close() {
	if t.readers--; t.readers == 0 {
		t.first += int64(len(t.entries))
		t.entries, t.bytes = nil, 0
	}
}

// add notes a delivery. Readers that are too slow cannot have what does not fit.
func (t *tail) add(limits Recovery, m backplane.Message, frames []*engine.Frame) {
	if t.readers == 0 {
		return
	}
	m.Echo, m.Note = false, nil
	e := tailEntry{m, frames}
	t.entries = append(t.entries, e)
	t.bytes += e.size()
	for len(t.entries) > limits.MaxPackets || t.bytes > limits.MaxBytes {
		t.bytes -= t.entries[0].size()
		t.entries[0] = tailEntry{}
		t.entries = t.entries[1:]
		t.first++
	}
}

// since returns what a reader has to know; false if some of it is gone.
func (t *tail) since(from int64) ([]tailEntry, bool) {
	if from < t.first {
		return nil, false
	}
	return t.entries[from-t.first:], true
}
