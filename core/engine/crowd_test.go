package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/internal/quiet"
)

const (
	serverFull = `{"code":3,"message":"Server full"}`
	serverBusy = `{"code":3,"message":"Server busy"}`
)

// wantTurnedAway checks an answer that asks the client to come back later.
func wantTurnedAway(t *testing.T, what string, reply engine.Reply, body string) {
	t.Helper()
	wantStatus(t, what, reply, 503, body)
	if s, err := strconv.Atoi(reply.Header.Get("Retry-After")); err != nil || s < 1 || s > 10 {
		t.Errorf("%s: Retry-After is %q", what, reply.Header.Get("Retry-After"))
	}
	if got := reply.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s: content type %q", what, got)
	}
}

func TestMaxSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h := serve(t, engine.Config{MaxSessions: 3, AllowRequest: func(context.Context, *engine.Request) error {
			asked++
			return nil
		}})
		a, b := h.connect(), h.connect()
		p, r := h.connectWebSocket()
		for range 3 {
			wantTurnedAway(t, "polling", do(h.Server, "GET", polling, ""), serverFull)
			_, reply := h.dial(webSocket)
			wantTurnedAway(t, "WebSocket", reply, serverFull)
		}
		if asked != 3 {
			t.Errorf("AllowRequest was asked %d times, want 3", asked)
		}

		// Those that are there do not notice.
		wantStatus(t, "POST", a.post("4x"), 200, "ok")
		_ = a.session.SendText("y")
		wantBody(t, "poll", a.poll(), "4y")
		moving := b.probe()
		moving.send("5")
		synctest.Wait()
		if b.session.Transport() != engine.WebSocket {
			t.Error("a session cannot move")
		}
		_ = r.session.SendText("z")
		if got := p.next(); got != "4z" {
			t.Errorf("got %q", got)
		}

		// A place is free as soon as a session has gone.
		wantStatus(t, "close", a.post("1"), 200, "ok")
		h.connect()
		wantTurnedAway(t, "and no more", do(h.Server, "GET", polling, ""), serverFull)
		p.end(errors.New("gone"))
		synctest.Wait()
		if stats := h.Stats(); stats.Sessions != 2 || stats.RefusedFull != 7 || stats.Refused[3] != 7 || stats.RefusedBusy != 0 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

// A WebSocket whose handshake is being answered has a place already, which it keeps,
// gives back or loses.
func TestMaxSessionsOfUpgrades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxSessions: 2, WriteTimeout: 10 * time.Second})
		accept := func() *engine.Upgrade {
			t.Helper()
			u, reply := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
			if u == nil {
				t.Fatalf("refused: %d %s", reply.Status, reply.Body)
			}
			return u
		}
		wantFull := func(what string) {
			t.Helper()
			wantTurnedAway(t, what, do(h.Server, "GET", polling, ""), serverFull)
			_, reply := h.dial(webSocket)
			wantTurnedAway(t, what, reply, serverFull)
		}
		one, two := accept(), accept()
		wantFull("two places kept")
		one.Cancel()
		one.Cancel() // gives back one place
		three := accept()
		wantFull("one was given back")
		p := newPipe(t)
		three.Start(pipeEnd(p))
		synctest.Wait()
		three.Cancel() // does nothing
		wantFull("one was taken up")

		time.Sleep(10*time.Second - time.Nanosecond)
		wantFull("before the place lapses")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		h.connect()
		wantFull("after somebody else has got it")
		late := newPipe(t)
		two.Start(pipeEnd(late)) // too late
		synctest.Wait()
		if n := h.Stats().Sessions; n != 2 || !late.isClosed() || len(late.written()) > 0 {
			t.Errorf("%d sessions; the late one: closed %v, sent %q", n, late.isClosed(), late.written())
		}
	})
}

// A late one gets a place if there is one.
func TestLateUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxSessions: 1})
		u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
		time.Sleep(time.Hour)
		p := newPipe(t)
		u.Start(pipeEnd(p))
		if got := p.next(); !strings.HasPrefix(string(got), `0{"sid"`) {
			t.Errorf("got %q", got)
		}
		wantTurnedAway(t, "another", do(h.Server, "GET", polling, ""), serverFull)
	})
}

func TestMaxSessionsUnderConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, clients = 10, 64
		var alive, peak, away atomic.Int64
		srv := newServer(t, engine.Config{
			MaxSessions: most,
			// Its end finds many that have been let pass at the same moment.
			AllowRequest: func(context.Context, *engine.Request) error { time.Sleep(time.Millisecond); return nil },
		})
		srv.OnConnection(func(*engine.Session) engine.Receiver {
			n := alive.Add(1)
			for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
				continue
			}
			return engine.Funcs{OnClose: func(engine.Reason, error) { alive.Add(-1) }}
		})
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				for j := range 20 {
					if !comeAndGo(t, srv, (i+j)%3) {
						away.Add(1)
					}
				}
			})
		}
		all.Wait()
		synctest.Wait()
		if n := peak.Load(); n > most || n < 2 {
			t.Errorf("%d sessions at a time, want at most %d", n, most)
		}
		if n := srv.Stats().RefusedFull; away.Load() != n || n == 0 {
			t.Errorf("%d were turned away, %d counted", away.Load(), n)
		}
		for i := range most + 1 { // no place is lost, and none won
			if reply := do(srv, "GET", polling, ""); (reply.Status == 200) != (i < most) {
				t.Fatalf("afterwards, number %d: %d %s", i, reply.Status, reply.Body)
			}
		}
	})
}

// comeAndGo has a client come by polling, over a WebSocket, or over one whose
// handshake fails, and go after a while. It reports false if it was turned away.
func comeAndGo(t *testing.T, srv *engine.Server, how int) bool {
	if how == 0 {
		reply := do(srv, "GET", polling, "")
		if reply.Status != 200 {
			return false
		}
		time.Sleep(time.Millisecond)
		do(srv, "POST", polling+"&sid="+string(sidPattern.FindSubmatch(reply.Body)[1]), "1")
		return true
	}
	u, _ := srv.AcceptUpgrade(context.Background(), upgradeRequest(webSocket))
	if u == nil {
		return false
	}
	time.Sleep(time.Millisecond)
	if how == 1 {
		u.Cancel()
		return true
	}
	p := newPipe(t)
	time.AfterFunc(time.Millisecond, func() { p.end(errors.New("gone")) })
	u.Serve(pipeEnd(p))
	return true
}

func TestMaxHandshakesPerSecond(t *testing.T) {
	for _, rate := range []int{1, 3, 100} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				h := serve(t, engine.Config{MaxHandshakesPerSecond: rate, AllowRequest: func(context.Context, *engine.Request) error {
					asked++
					return nil
				}})
				let := func(what string, want int) {
					t.Helper()
					asked = 0
					for i := range want + 3 {
						reply := engine.Reply{}
						if i%2 == 0 {
							reply = do(h.Server, "GET", polling, "")
						} else if u, refused := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket)); u == nil {
							reply = refused
						}
						if i >= want {
							wantTurnedAway(t, fmt.Sprint(what, " number ", i), reply, serverBusy)
						} else if reply.Status == 503 {
							t.Errorf("%s: number %d: %d %s", what, i, reply.Status, reply.Body)
						}
					}
					if asked != want {
						t.Errorf("%s: AllowRequest was asked %d times, want %d", what, asked, want)
					}
				}
				interval := time.Second / time.Duration(rate)
				let("a second's worth at once", rate)
				time.Sleep(interval - time.Nanosecond)
				let("before the next", 0)
				time.Sleep(time.Nanosecond)
				let("the next", 1)
				time.Sleep(2 * interval)
				let("two more", min(2, rate))
				time.Sleep(time.Hour)
				let("no more than a second's worth after a rest", rate)
				if stats := h.Stats(); stats.RefusedBusy != 15 || stats.Refused[3] != 15 || stats.RefusedFull != 0 {
					t.Errorf("stats: %+v", stats)
				}
			})
		})
	}
}

// What is no handshake, or refused for what it is, takes nothing from those that are.
func TestHandshakesThatDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxHandshakesPerSecond: 3, MaxSessions: 100})
		c := h.connect()
		h.connectWebSocket()
		for range 10 {
			wantStatus(t, "POST", c.post("4x"), 200, "ok")
			_ = c.session.SendText("x")
			wantBody(t, "poll", c.poll(), "4x")
			c.candidate().end(errors.New("gone"))
			synctest.Wait()
			if got := do(h.Server, "GET", "EIO=4&transport=tin", "").Status; got != 400 {
				t.Errorf("unknown transport: %d", got)
			}
			if got := do(h.Server, "GET", polling, "", "Origin", "https://other.example").Status; got != 403 {
				t.Errorf("foreign page: %d", got)
			}
			if got := do(h.Server, "POST", polling, "x").Status; got != 400 {
				t.Errorf("POST: %d", got)
			}
			if got := do(h.Server, "OPTIONS", polling, "").Status; got != 400 {
				t.Errorf("OPTIONS: %d", got)
			}
		}
		h.connect()
		wantTurnedAway(t, "the fourth", do(h.Server, "GET", polling, ""), serverBusy)
		wantStatus(t, "sessions go on", c.post("4x"), 200, "ok")
		c.probe()
	})
}

// Middlewares are not bothered either.
func TestTurnedAwayBeforeMiddlewares(t *testing.T) {
	for name, cfg := range map[string]engine.Config{"full": {MaxSessions: 1}, "busy": {MaxHandshakesPerSecond: 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, called := serve(t, cfg), 0
				h.Use(func(context.Context, *engine.Request) error { called++; return nil })
				c := h.connect()
				for range 3 {
					do(h.Server, "GET", polling, "")
					h.dial(webSocket)
				}
				if called != 1 {
					t.Errorf("called %d times, want 1", called)
				}
				if c.post("4x"); called != 2 {
					t.Error("not called for a session's request")
				}
			})
		})
	}
}

func TestTurnedAwayIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := new(lines)
		h := serve(t, engine.Config{MaxSessions: 1, PingInterval: time.Hour, Logger: logged.logger()})
		var told []string
		h.OnConnectionError(func(e engine.ConnectionError) {
			told = append(told, fmt.Sprint(e.Code, e.Message, e.Context, e.Request.RemoteAddr))
		})
		h.connect()
		do(h.Server, "GET", polling, "")
		if want := []string{"3Server fullSERVER_FULL192.0.2.1:1234"}; fmt.Sprint(told) != fmt.Sprint(want) {
			t.Errorf("told %q, want %q", told, want)
		}
		for range 500 {
			do(h.Server, "GET", polling, "")
		}
		if n := logged.count("level=WARN"); n != 1 || logged.count("Config.MaxSessions is reached; raise it") != 1 {
			t.Errorf("%d warnings: %v", n, logged)
		}
		time.Sleep(quiet.Interval)
		do(h.Server, "GET", polling, "")
		if n := logged.count("level=WARN"); n != 2 || logged.count("refused=501") != 1 {
			t.Errorf("%d warnings: %v", n, logged)
		}
	})
}

// Who is turned away is not told the same time as all others.
func TestRetryAfterDiffers(t *testing.T) {
	h := serve(t, engine.Config{MaxSessions: 1})
	h.connect()
	told := map[string]int{}
	for range 1000 {
		told[do(h.Server, "GET", polling, "").Header.Get("Retry-After")]++
	}
	for s := 1; s <= 10; s++ {
		if n := told[strconv.Itoa(s)]; n < 20 {
			t.Errorf("%d of 1000 were told to come back after %d s", n, s)
		}
	}
	if len(told) != 10 {
		t.Errorf("told %v", told)
	}
}

// A page of another origin may read why it is turned away.
func TestTurnedAwayWithCORS(t *testing.T) {
	const origin = "https://app.example"
	h := serve(t, engine.Config{MaxSessions: 1, AllowedOrigins: []string{origin}})
	h.connect()
	reply := do(h.Server, "GET", polling, "", "Origin", origin)
	wantTurnedAway(t, "from a page", reply, serverFull)
	if got := reply.Header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("Access-Control-Allow-Origin is %q", got)
	}
}

func BenchmarkTurnAway(b *testing.B) {
	for name, cfg := range map[string]engine.Config{"full": {MaxSessions: 1}, "busy": {MaxHandshakesPerSecond: 1}} {
		b.Run(name, func(b *testing.B) {
			srv := newServer(b, cfg)
			r := request("GET", polling, "")
			srv.ServePoll(b.Context(), r)
			b.ReportAllocs()
			for b.Loop() {
				srv.ServePoll(b.Context(), r)
			}
		})
	}
}
