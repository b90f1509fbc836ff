// Package quiet keeps what clients can cause from filling the log: a line is written
// at once, then for a while only counted, and what they have chosen of it is bounded.
package quiet

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Interval is the time in which a line is written so many times and no more.
const Interval = time.Minute

// Usual is how many times that is for most lines.
const Usual = 10

// A Line is a kind of line of the log. The zero Line has not been written yet. All
// methods may be called from any goroutine.
type Line struct {
	window atomic.Pointer[window]
	unsaid atomic.Int64
}

type window struct {
	start time.Time
	lines atomic.Int64
}

// Due reports whether the line is to be written now, at most so many times in an
// Interval, and if so how many have been left out since the last one.
func (l *Line) Due(most int64) (unsaid int64, due bool) {
	w := l.window.Load()
	if now := time.Now(); w == nil || now.Sub(w.start) >= Interval {
		if next := begin(now); l.window.CompareAndSwap(w, next) {
			w = next
		} else {
			w = l.window.Load()
		}
	}
	if w.lines.Add(1) <= most {
		return l.unsaid.Swap(0), true
	}
	l.unsaid.Add(1)
	return 0, false
}

// begin is apart, so that only the first line of an interval costs memory.
func begin(t time.Time) *window { return &window{start: t} }

// Log writes the line at its level if it is due, which is Usual times in an Interval,
// and else at the debug level.
func (l *Line) Log(ctx context.Context, log *slog.Logger, level slog.Level, msg string, args ...any) {
	unsaid, due := l.Due(Usual)
	if !due {
		log.DebugContext(ctx, msg, args...)
		return
	}
	if unsaid > 0 {
		args = append(args, "left_out", unsaid)
	}
	log.Log(ctx, level, msg, args...)
}

// Panics are those that were recovered from. A client may cause them at will, if a
// handler has a mistake in it, so no more than Usual stacks are written in an
// Interval.
type Panics struct {
	line  Line
	count atomic.Int64
}

// Count returns how many there were.
func (p *Panics) Count() int64 { return p.count.Load() }

// Unsaid counts a panic that cannot be logged, since it happened in the log.
func (p *Panics) Unsaid() { p.count.Add(1) }

// Note counts and logs a panic. It is called in what was deferred; told, if it is not
// nil, gets the stack.
func (p *Panics) Note(log *slog.Logger, in string, value any, told func(in string, value any, stack []byte)) {
	p.count.Add(1)
	unsaid, due := p.line.Due(Usual)
	if !due && told == nil {
		return
	}
	stack := debug.Stack()
	if due {
		args := []any{"in", Text(in), "panic", Value(value), "stack", string(stack)}
		if unsaid > 0 {
			args = append(args, "left_out", unsaid)
		}
		log.Error("panic in user code", args...)
	}
	if told != nil {
		told(in, value, stack)
	}
}
