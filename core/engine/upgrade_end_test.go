package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestClosingDuringAnUpgrade(t *testing.T) {
	t.Run("with a poll", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := serve(t, engine.Config{}).connect()
			poll := c.pollLater()
			p := c.probe()
			_ = c.session.SendText("last")
			c.session.Close()
			wantBody(t, "poll", <-poll, "4last")
			wantBody(t, "next poll", c.poll(), "1")
			wantBody(t, "reason", c.reason(), "forced close")
			synctest.Wait()
			if !p.isClosed() {
				t.Error("the candidate outlives its session")
			}
		})
	})
	t.Run("when the client polls no more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := serve(t, engine.Config{}).connect()
			p := c.probe()
			_ = c.session.SendText("last")
			c.session.Close()
			synctest.Wait()
			p.send("5")
			synctest.Wait()
			wantMessages(t, "delivered", p.rest(), "4last")
			wantBody(t, "reason", c.reason(), "forced close")
			if !p.isClosed() {
				t.Error("the WebSocket is left open")
			}
		})
	})
	t.Run("with nothing queued", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := serve(t, engine.Config{}).connect()
			p := c.probe()
			c.session.Close()
			p.send("5")
			synctest.Wait()
			wantBody(t, "reason", c.reason(), "forced close")
			if !p.isClosed() {
				t.Error("the WebSocket is left open")
			}
		})
	})
	t.Run("at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := serve(t, engine.Config{})
			c := h.connect()
			p := c.probe()
			c.post("1")
			synctest.Wait()
			wantBody(t, "reason", c.reason(), "transport close")
			p.send("5")
			synctest.Wait()
			if !p.isClosed() {
				t.Error("the candidate outlives its session")
			}
		})
	})
}

func TestAWebSocketThatIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		u, _ := h.AcceptUpgrade(context.Background(), upgradeRequest(webSocket+"&sid="+c.sid))
		c.post("1")
		p := newPipe(t)
		u.Serve(pipeEnd(p)) // returns when the pipe has been closed
		if !p.isClosed() {
			t.Error("left open")
		}
	})
}

// What is being handled comes before what the WebSocket brings.
func TestTheMoveWaitsForAPostThatIsBeingHandled(t *testing.T) {
	handling, proceed := make(chan struct{}), make(chan struct{})
	h := serveWith(t, engine.Config{}, func(r *recorder) {
		r.onMessage = func(m message) {
			if m == "a" {
				close(handling)
				<-proceed
			}
		}
	})
	c := h.connect()
	p := c.probe()
	posted := make(chan engine.Reply, 1)
	go func() { posted <- c.post("4a\x1e4b") }()
	<-handling
	p.send("5", "4c")
	time.Sleep(20 * ms) // for the upgrade to get there
	close(proceed)
	wantStatus(t, "POST", <-posted, 200, "ok")
	_ = c.session.SendText("moved")
	p.send("4d")
	wantBody(t, "sent", string(p.next()), "4moved")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if len(c.got()) == 4 {
			break
		}
		time.Sleep(ms)
	}
	wantMessages(t, "received", c.got(), "a", "b", "c", "d")
}

// A body that is on its way when the WebSocket takes over belongs to a transport
// that is gone.
func TestAPostThatIsOvertakenByTheMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		slow := newSlowBody("4late")
		r := request("POST", c.query(), "4late")
		r.Body = slow
		posted := make(chan engine.Reply, 1)
		go func() { posted <- h.ServePoll(context.Background(), r) }()
		synctest.Wait() // until it reads the body
		p := c.probe()
		p.send("5")
		synctest.Wait()
		slow.release()
		wantStatus(t, "POST", <-posted, 400, "")
		wantMessages(t, "received", c.got())
		wantBody(t, "reason", c.reason(), "")
	})
}
