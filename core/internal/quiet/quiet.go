// Package quiet keeps what happens often from filling the log: it is said at once,
// then for a while only counted.
package quiet

import (
	"sync/atomic"
	"time"
)

// Interval is how far the lines of one kind are apart at least.
const Interval = time.Minute

// A Line is a line of the log that others can make the program write. The zero Line
// has not been written yet. All methods may be called from any goroutine.
type Line struct {
	last   atomic.Pointer[time.Time] // when it was written
	unsaid atomic.Int64
}

// Due reports whether the line is to be written now, and if so how many there would
// have been since the last one.
func (l *Line) Due() (unsaid int64, due bool) {
	last := l.last.Load()
	if now := time.Now(); last == nil || now.Sub(*last) >= Interval {
		if due = l.last.CompareAndSwap(last, stored(now)); due {
			return l.unsaid.Swap(0), true
		}
	}
	l.unsaid.Add(1)
	return 0, false
}

// stored is apart, so that only a line that is written costs memory.
func stored(t time.Time) *time.Time { return &t }
