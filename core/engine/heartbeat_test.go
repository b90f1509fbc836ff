package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

const ms = time.Millisecond

// at sleeps until a moment of the story that began at start.
func at(start time.Time, offset time.Duration) {
	time.Sleep(time.Until(start.Add(offset)))
	synctest.Wait()
}

func TestTheServerPingsAnIntervalAfterEachPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p, r := serve(t, golden()).connectWebSocket()
		at(start, 999*ms)
		wantMessages(t, "before the interval", p.rest())
		at(start, 1000*ms)
		wantMessages(t, "at the interval", p.rest(), "2")
		at(start, 1400*ms)
		p.send("3")
		at(start, 2399*ms)
		wantMessages(t, "before the next", p.rest())
		at(start, 2400*ms)
		wantMessages(t, "an interval after the pong", p.rest(), "2")
		at(start, 2899*ms) // the last moment for a pong
		p.send("3")
		at(start, 3800*ms)
		wantBody(t, "reason", r.reason(), "")
		p.send("4x", "3") // a pong that nobody asked for changes nothing
		at(start, 3899*ms)
		wantMessages(t, "early pong", p.rest(), "2")
		p.send("3")
	})
}

func TestPingTimeout(t *testing.T) {
	for name, transport := range map[string]func(h *host) (*recorder, func(message)){
		"websocket": func(h *host) (*recorder, func(message)) {
			p, r := h.connectWebSocket()
			return r, func(m message) { p.send(m) }
		},
		"polling": func(h *host) (*recorder, func(message)) {
			c := h.connect()
			return c.recorder, func(m message) { c.post(string(m)) }
		},
	} {
		// An event is a packet of the client's; the timeout is due at 1500 ms.
		type event struct {
			after time.Duration
			m     message
		}
		for _, c := range []struct {
			name   string
			events []event
			ends   time.Duration
		}{
			{"a silent client", nil, 1500 * ms},
			{"one that was heard before the ping", []event{{900 * ms, "4x"}}, 1500 * ms},
			{"the first other packet puts it off", []event{{1300 * ms, "4x"}}, 1800 * ms},
			{"only the first", []event{{1100 * ms, "4x"}, {1300 * ms, "4x"}, {1599 * ms, "4x"}}, 1600 * ms},
			{"a noop is a packet", []event{{1300 * ms, "6"}}, 1800 * ms},
			{"once for each ping", []event{{1100 * ms, "4x"}, {1200 * ms, "3"}, {2300 * ms, "4x"}}, 2800 * ms},
			{"a pong at the last moment", []event{{1499 * ms, "3"}}, 2999 * ms},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					h := serve(t, golden())
					r, send := transport(h)
					for _, e := range c.events {
						at(start, e.after)
						send(e.m)
					}
					at(start, c.ends-1*ms)
					wantBody(t, "reason just before", r.reason(), "")
					at(start, c.ends)
					wantBody(t, "reason", r.reason(), "ping timeout")
					if n := h.ClientsCount(); n != 0 {
						t.Errorf("%d sessions left", n)
					}
				})
			})
		}
	}
}

// A client that answers is not cut off because the server has no time to read.
func TestAPingDoesNotTimeOutWhileTheReceiverIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		h := serveWith(t, golden(), func(r *recorder) {
			r.onMessage = func(message) { time.Sleep(10 * time.Second) }
		})
		p, r := h.connectWebSocket()
		at(start, 900*ms)
		p.send("4work")
		at(start, 1000*ms)
		wantMessages(t, "pinged meanwhile", p.rest(), "2")
		p.send("3")
		at(start, 10800*ms)
		wantBody(t, "reason", r.reason(), "")
		at(start, 11900*ms)
		wantMessages(t, "pinged after the pong was read", p.rest(), "2")
		at(start, 12400*ms)
		wantBody(t, "then silent", r.reason(), "ping timeout")
	})
}

// The delay is no pardon: a client that is gone is noticed when there is time again.
func TestAPingTimesOutAfterTheReceiverWasBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		h := serveWith(t, golden(), func(r *recorder) {
			r.onMessage = func(message) { time.Sleep(2 * time.Second) }
		})
		p, r := h.connectWebSocket()
		at(start, 900*ms)
		p.send("4work") // until 2900 ms; at 1500, 2000 and 2500 the timeout is put off
		at(start, 2999*ms)
		wantBody(t, "reason just before", r.reason(), "")
		at(start, 3000*ms)
		wantBody(t, "reason", r.reason(), "ping timeout")
	})
}

// OnConnection is as much the user's time as Message is.
func TestAPingDoesNotTimeOutDuringOnConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serveWith(t, golden(), func(*recorder) { time.Sleep(10*time.Second + 200*ms) })
		p, r := h.connectWebSocket()
		wantMessages(t, "sent", p.rest(), "2")
		p.send("3")
		time.Sleep(time.Second)
		wantBody(t, "reason", r.reason(), "")
	})
}

// The user's Close of one session must not hold up the timeouts of the others.
func TestAReceiverThatBlocksHoldsUpNoTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		srv := newServer(t, golden())
		closed := make(chan time.Duration, 10)
		srv.OnConnection(func(*engine.Session) engine.Receiver {
			return engine.Funcs{OnClose: func(engine.Reason, error) {
				closed <- time.Since(start)
				time.Sleep(time.Hour)
			}}
		})
		for range 3 {
			do(srv, "GET", polling, "")
		}
		for range 3 {
			if after := <-closed; after != 1500*ms {
				t.Errorf("closed after %v, want 1.5s", after)
			}
		}
		time.Sleep(2 * time.Hour)
	})
}

// A poll that hangs is answered by the ping, and the pong comes by a POST.
func TestHeartbeatOverPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := serve(t, golden()).connect()
		for i := range 5 {
			wantBody(t, "poll", c.poll(), "2")
			if took, want := time.Since(start), time.Duration(i+1)*time.Second; took != want {
				t.Errorf("pinged after %v, want %v", took, want)
			}
			wantStatus(t, "pong", c.post("3"), 200, "ok")
		}
	})
}
