package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// Close waits for nobody, so what a client has not fetched is lost; Shutdown is
// there for those who want it delivered.
func TestCloseDiscardsWhatWaits(t *testing.T) {
	for _, closing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := serve(t, engine.Config{})
			c := h.connect()
			p, r := h.connectWebSocket()
			p.stall()
			_ = r.session.SendText("being written")
			synctest.Wait()
			for _, s := range []*engine.Session{c.session, r.session} {
				_ = s.SendText("hello")
				if closing {
					s.Close()
				}
			}
			_ = h.Close()
			p.resume()
			synctest.Wait()
			if got := p.rest(); len(got) > 1 {
				t.Errorf("sent over WebSocket: %q", got)
			}
			wantBody(t, "poll", c.poll(), "400")
			if stats := h.Stats(); stats.Sessions != 0 || stats.QueuedBytes != 0 {
				t.Errorf("left: %+v", stats)
			}
		})
	}
}

// Whoever does not answer is not left with an open connection.
func TestAPingTimeoutClosesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		h := serve(t, golden())
		p, r := h.connectWebSocket()
		c := h.connect()
		candidate := c.probe()
		poll := c.pollLater()
		at(start, 1499*ms)
		if p.isClosed() || candidate.isClosed() {
			t.Error("closed too early")
		}
		at(start, 1500*ms)
		if !p.isClosed() || !candidate.isClosed() {
			t.Errorf("closed: %v, the candidate: %v", p.isClosed(), candidate.isClosed())
		}
		wantBody(t, "reason", r.reason(), "ping timeout")
		wantBody(t, "reason", c.reason(), "ping timeout")
		wantBody(t, "poll", <-poll, "6") // let go for the upgrade
		wantBody(t, "the next", c.poll(), "400")
	})
}
