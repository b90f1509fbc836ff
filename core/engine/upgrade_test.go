package engine_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestAClientMovesToWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		poll := c.pollLater()
		start := time.Now()
		p := c.probe()
		wantBody(t, "the poll", <-poll, "6")
		if took := time.Since(start); took != 100*ms {
			t.Errorf("the poll hung for %v, want 100ms", took)
		}
		_ = c.session.SendText("still by polling")
		if c.session.Transport() != engine.Polling {
			t.Error("moved before the client asked for it")
		}
		wantBody(t, "a poll meanwhile", c.poll(), "4still by polling")
		if c.flushed != 0 {
			t.Error("the receiver is told of messages by a connection that is not the session's")
		}
		_ = c.session.SendText("fetched by nobody")
		p.send("5", "4first") // they may well arrive together
		synctest.Wait()
		_ = c.session.SendText("by WebSocket")
		synctest.Wait()
		wantMessages(t, "sent", p.rest(), "4fetched by nobody", "4by WebSocket")
		wantMessages(t, "received", c.got(), "first")
		if c.flushes != 1 {
			t.Errorf("flushed after %d messages, want 1", c.flushes)
		}
		if c.session.Transport() != engine.WebSocket || h.Stats().WebSockets != 1 {
			t.Error("did not move")
		}
		badRequest := `{"code":3,"message":"Bad request"}`
		wantStatus(t, "polling after it", do(h.Server, "GET", c.query(), ""), 400, badRequest)
		wantStatus(t, "posting after it", c.post("4x"), 400, badRequest)
		wantBody(t, "reason", c.reason(), "")
	})
}

// The client's polls and its probe race each other, so every poll is let go.
func TestEachPollDuringAProbeIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{}).connect()
		start := time.Now()
		c.probe()
		for i := range 10 {
			time.Sleep(10 * ms)
			wantBody(t, "poll", c.poll(), "6")
			if took, want := time.Since(start), time.Duration(i+1)*100*ms; took != want {
				t.Errorf("let go after %v, want %v", took, want)
			}
		}
	})
}

// A poll that hangs is let go; one that was on its way together with the packet that
// ends the polling learns that the session no longer polls.
func TestAPollThatHangsAtTheMoveIsAnswered(t *testing.T) {
	for _, c := range []struct {
		want        string
		beforeProbe bool
		age         time.Duration // of the poll, at the move
	}{{"6", true, 0}, {"400", false, 0}, {"400", false, 49 * ms}, {"6", false, 50 * ms}} {
		synctest.Test(t, func(t *testing.T) {
			cl := serve(t, engine.Config{}).connect()
			var poll <-chan string
			if c.beforeProbe {
				poll = cl.pollLater()
				synctest.Wait()
			}
			p := cl.probe()
			if !c.beforeProbe {
				poll = cl.pollLater()
			}
			time.Sleep(c.age)
			synctest.Wait()
			p.send("5")
			wantBody(t, "poll", <-poll, c.want)
			_ = cl.session.SendText("x")
			wantBody(t, "sent", string(p.next()), "4x")
		})
	}
}

// Whatever happens to a candidate, the session goes on polling and pinging, and
// the client may try again.
func TestACandidateThatFailsHurtsNobody(t *testing.T) {
	for name, fail := range map[string]func(p *pipe){
		"says nothing":              func(*pipe) { time.Sleep(10 * time.Second) },
		"stops after the probe":     func(p *pipe) { p.send("2probe"); time.Sleep(10 * time.Second) },
		"upgrades without a probe":  func(p *pipe) { p.send("5") },
		"sends a message":           func(p *pipe) { p.send("4x") },
		"sends it after the probe":  func(p *pipe) { p.send("2probe", "4x") },
		"sends binary":              func(p *pipe) { p.send(binary("2probe")) },
		"upgrades in binary":        func(p *pipe) { p.send("2probe", binary("5")) },
		"probes twice":              func(p *pipe) { p.send("2probe", "2probe") },
		"answers instead of asking": func(p *pipe) { p.send("3probe") },
		"sends an empty text":       func(p *pipe) { p.send("") },
		"leaves":                    func(p *pipe) { p.end(io.EOF) },
		"leaves after the probe":    func(p *pipe) { p.send("2probe"); p.end(io.EOF) },
		"breaks the framing":        func(p *pipe) { p.end(&engine.ConnError{Code: 1002}) },
		"cannot be written to":      func(p *pipe) { p.failWrites(io.ErrClosedPipe); p.send("2probe") },
		"never answers the close":   func(p *pipe) { p.silent = true; p.send("5"); time.Sleep(closePatience) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				c := h.connect()
				poll := c.pollLater()
				p := c.candidate()
				synctest.Wait()
				fail(p)
				synctest.Wait()
				if !p.isClosed() {
					t.Error("the candidate is not closed")
				}
				wantBody(t, "reason", c.reason(), "")
				_ = c.session.SendText("x")
				for got := <-poll; got != "4x"; got = c.poll() {
					wantBody(t, "poll", got, "6")
				}
				wantBody(t, "ping", c.poll(), "2")
				wantStatus(t, "POST", c.post("3\x1e4y"), 200, "ok")
				wantMessages(t, "received", c.got(), "y")

				second := c.probe()
				second.send("5")
				synctest.Wait()
				if c.session.Transport() != engine.WebSocket {
					t.Error("a second try fails")
				}
			})
		})
	}
}

func TestUpgradeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := golden()
		cfg.UpgradeTimeout = 3 * time.Second
		c := serve(t, cfg).connect()
		start := time.Now()
		p := c.probe()
		pings := 0
		for time.Since(start) < 5*time.Second { // a well-behaved client in all but the upgrade
			if got := c.poll(); got == "2" {
				pings++
				c.post("3")
			}
			switch since := time.Since(start); {
			case since < 3*time.Second && p.isClosed():
				t.Fatalf("closed after %v", since)
			case since > 3*time.Second && !p.isClosed():
				t.Fatalf("still open after %v", since)
			}
		}
		if pings != 5 {
			t.Errorf("%d pings in 5 s, want 5", pings)
		}
		wantMessages(t, "over the candidate", p.rest())
		wantBody(t, "reason", c.reason(), "")
	})
}

func TestASecondCandidateIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{}).connect()
		first := c.probe()
		second := c.candidate()
		second.send("2probe", "5")
		synctest.Wait()
		if !second.isClosed() || first.isClosed() {
			t.Errorf("first closed: %v, second closed: %v", first.isClosed(), second.isClosed())
		}
		wantMessages(t, "to the second", second.rest())
		first.send("5")
		_ = c.session.SendText("x")
		wantBody(t, "to the first", string(first.next()), "4x")
	})
}

// One ping, on one transport, whichever is in use when it is due.
func TestPingsDuringAnUpgrade(t *testing.T) {
	for name, move := range map[string]time.Duration{"before the ping": 990 * ms, "after the ping": 1010 * ms} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := serve(t, golden()).connect()
				start := time.Now()
				at(start, 950*ms)
				p := c.probe()
				at(start, move)
				p.send("5")
				at(start, 1100*ms)
				wantMessages(t, "pings", p.rest(), "2")
				p.send("3")
				at(start, 2099*ms)
				wantMessages(t, "before the next", p.rest())
				at(start, 2100*ms)
				wantMessages(t, "the next", p.rest(), "2")
			})
		})
	}
	t.Run("fetched by the last poll", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := serve(t, golden()).connect()
			start := time.Now()
			at(start, 950*ms)
			poll := c.pollLater()
			p := c.probe()
			wantBody(t, "poll", <-poll, "2")
			p.send("5", "3")
			at(start, 1999*ms)
			wantMessages(t, "before the next", p.rest())
			at(start, 2000*ms)
			wantMessages(t, "the next", p.rest(), "2")
		})
	})
}
