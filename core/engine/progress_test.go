package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A ping that stands behind a large download has not arrived yet: its client is late
// only if it takes nothing any more, or if it has the ping.
func TestAPingBehindADownload(t *testing.T) {
	type step struct {
		at             time.Duration
		taken, written int64
	}
	for name, c := range map[string]struct {
		before step // the ping, which is sent at 1000 ms
		steps  []step
		end    time.Duration
	}{
		"not metered":                {end: 1500 * ms},
		"takes nothing":              {before: step{written: 900, taken: 100}, end: 1500 * ms},
		"has the ping":               {before: step{written: 900, taken: 100}, steps: []step{{1400 * ms, 901, 1000}}, end: 1500 * ms},
		"gets on":                    {before: step{written: 900, taken: 100}, steps: []step{{1400 * ms, 101, 1000}}, end: 2000 * ms},
		"gets on twice":              {before: step{written: 900, taken: 100}, steps: []step{{1400 * ms, 101, 1000}, {1900 * ms, 900, 1000}}, end: 2500 * ms},
		"gets on, then has the ping": {before: step{written: 900, taken: 100}, steps: []step{{1400 * ms, 101, 1000}, {1900 * ms, 1000, 1000}}, end: 2000 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				p, r := serve(t, golden()).connectWebSocket()
				set := func(s step) {
					at(start, s.at)
					p.metered.Store(true)
					p.byClient.Store(s.taken)
					p.bySystem.Store(s.written)
				}
				if c.before != (step{}) {
					c.before.at = 900 * ms
					set(c.before)
				}
				for _, s := range c.steps {
					set(s)
				}
				at(start, c.end-ms)
				wantBody(t, "before the end", r.reason(), "")
				at(start, c.end)
				wantBody(t, "at the end", r.reason(), string(engine.ReasonPingTimeout))
			})
		})
	}
}

// What waits in the queue, or with the writer, stands before the ping too.
func TestAPingBehindWhatIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p, r := serve(t, golden()).connectWebSocket()
		at(start, 900*ms)
		p.metered.Store(true)
		p.byClient.Store(10)
		p.bySystem.Store(10)
		p.stall()
		if err := r.session.SendText("a large one"); err != nil {
			t.Fatal(err)
		}
		at(start, 1400*ms)
		p.byClient.Store(12) // of what the writer is at
		at(start, 1999*ms)
		wantBody(t, "before the end", r.reason(), "")
		at(start, 2000*ms)
		wantBody(t, "at the end", r.reason(), string(engine.ReasonPingTimeout))
	})
}
