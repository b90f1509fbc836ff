package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A receiver that is busy with a POST keeps a WebSocket from taking over, but not
// time from passing in a bubble.
func TestTimePassesWhileAMoveWaitsForTheReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{}).connect()
		c.onMessage = func(m message) {
			if m == "slow" {
				time.Sleep(time.Second)
			}
		}
		p := c.probe()
		posted := make(chan engine.Reply)
		go func() { posted <- c.post("4slow") }()
		synctest.Wait()
		p.send("5", "4by WebSocket")
		wantStatus(t, "the POST", <-posted, 200, "ok")
		synctest.Wait()
		wantMessages(t, "received", c.got(), "slow", "by WebSocket")
		if c.session.Transport() != engine.WebSocket {
			t.Error("did not move")
		}
	})
}
