package quiet_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/internal/quiet"
)

func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l quiet.Line
		for _, step := range []struct {
			after  time.Duration
			unsaid int64
			due    bool
		}{
			{0, 0, true},
			{0, 0, false},
			{quiet.Interval - 1, 0, false},
			{1, 2, true},
			{quiet.Interval, 0, true},
			{time.Nanosecond, 0, false},
			{100 * quiet.Interval, 1, true},
		} {
			time.Sleep(step.after)
			if unsaid, due := l.Due(1); unsaid != step.unsaid || due != step.due {
				t.Errorf("after %v: %d, %v, want %d, %v", step.after, unsaid, due, step.unsaid, step.due)
			}
		}
	})
}

func TestLineIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers, rounds = 100, 3
		var l quiet.Line
		var unsaid int64
		for range rounds {
			var all sync.WaitGroup
			var mu sync.Mutex
			lines := 0
			for range writers {
				all.Go(func() {
					if n, due := l.Due(1); due {
						mu.Lock()
						defer mu.Unlock()
						lines++
						unsaid += n // of this round, too, if others were faster
					}
				})
			}
			all.Wait()
			if lines != 1 {
				t.Fatalf("%d lines, want 1", lines)
			}
			time.Sleep(quiet.Interval)
		}
		if n, _ := l.Due(1); unsaid+n != rounds*(writers-1) {
			t.Errorf("%d lines were not written, want %d", unsaid+n, rounds*(writers-1))
		}
	})
}

func TestLineThatIsNotDueCostsNoMemory(t *testing.T) {
	var l quiet.Line
	l.Due(1)
	if n := testing.AllocsPerRun(100, func() { l.Due(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLineOfWhichSeveralAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l quiet.Line
		for i := range 20 {
			if _, due := l.Due(3); due != (i < 3) {
				t.Errorf("number %d: %v", i, due)
			}
		}
		time.Sleep(quiet.Interval)
		if unsaid, due := l.Due(3); unsaid != 17 || !due {
			t.Errorf("%d, %v", unsaid, due)
		}
	})
}
