package membership

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// Whoever was not run for a while says at once that it is alive: the others may take it
// for dead.
func TestSpeaksAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := 0
		m := New(Config{ID: "00000000000000aa", Host: backplane.Host{}, Send: func(_ string, data []byte) error {
			if kind(data[1]) == alive {
				said++
			}
			return nil
		}})
		defer m.Close()
		half := m.cfg.Interval / 2
		for _, tt := range []struct {
			stopped time.Duration
			want    int
		}{{0, 1}, {20 * time.Second, 2}, {0, 3}, {0, 3}, {20 * time.Second, 4}} {
			m.mu.Lock()
			m.ticked = m.ticked.Add(-tt.stopped)
			m.mu.Unlock()
			time.Sleep(half)
			synctest.Wait()
			if said != tt.want {
				t.Errorf("it has said so %d times, not %d", said, tt.want)
			}
		}
	})
}
