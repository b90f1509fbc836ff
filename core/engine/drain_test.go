package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

const drained = "server draining"

// An order remembers which session ended when.
type order struct {
	start time.Time
	mu    sync.Mutex
	who   []int
	when  []time.Duration
}

// watch has the end of a session noted under a number.
func (o *order) watch(i int, s *engine.Session) {
	s.OnClose(func(engine.Reason, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.who, o.when = append(o.who, i), append(o.when, time.Since(o.start))
	})
}

// drainLater drains without waiting for it.
func (h *host) drainLater(ctx context.Context, over time.Duration) <-chan error {
	done := make(chan error, 1)
	go func() { done <- h.Drain(ctx, over) }()
	synctest.Wait()
	return done
}

func wantOpen(t *testing.T, what string, done <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		t.Fatalf("%s has returned already: %v", what, err)
	default:
	}
}

func TestDrainIsSpreadEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, over = 200, 20 * time.Second
		const slot = over / n
		h := serve(t, engine.Config{})
		var o order
		for i := range n {
			_, r := h.connectWebSocket()
			o.watch(i, r.session)
		}
		o.start = time.Now()
		if err := h.Drain(t.Context(), over); err != nil {
			t.Error(err)
		}
		took := time.Since(o.start)
		if len(o.when) != n || took != o.when[n-1] {
			t.Fatalf("%d have ended, the last after %v; Drain took %v", len(o.when), o.when[len(o.when)-1], took)
		}
		var spread time.Duration
		for i, at := range o.when {
			within := at - time.Duration(i)*slot
			if within < -2 || within > slot+2 { // nanoseconds, of rounding
				t.Errorf("session %d ended after %v, not within its slot of %v", i, at, slot)
			}
			spread += (within - slot/2).Abs()
		}
		if average := spread / n; average < slot/8 {
			t.Errorf("there is no jitter: %v on average", average)
		}
		if slices.IsSorted(o.who) {
			t.Error("who has come first goes first")
		}
		h.recorders.Range(func(_, r any) bool {
			wantBody(t, "reason", r.(*recorder).reason(), drained)
			return true
		})
	})
}

func TestDrainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, over := range []time.Duration{0, -time.Second} {
			h := serve(t, engine.Config{})
			for range 50 {
				h.connectWebSocket()
			}
			start := time.Now()
			if err := h.Drain(t.Context(), over); err != nil || time.Since(start) > 0 {
				t.Errorf("over %v: %v after %v", over, err, time.Since(start))
			}
		}
	})
}

// What was sent to a client before its turn reaches it before it goes.
func TestDrainDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		hanging, away, moving := h.connect(), h.connect(), h.connect()
		busy, busySession := h.connectWebSocket()
		candidate := moving.probe()
		poll := hanging.pollLater()
		_ = away.session.SendText("first")
		busy.stall()
		_ = busySession.session.SendText("one")
		synctest.Wait()
		_ = busySession.session.SendText("two")
		_ = moving.session.SendText("moved")

		done := h.drainLater(t.Context(), time.Second)
		time.Sleep(time.Second)
		wantOpen(t, "Drain", done)
		wantBody(t, "poll that hangs", <-poll, "1")
		candidate.send("5")
		synctest.Wait()
		wantMessages(t, "to the client that moves", candidate.rest(), "4moved")
		wantBody(t, "poll that comes later", away.poll(), "4first")
		wantBody(t, "and its next", away.poll(), "1")
		if err := away.session.SendText("late"); !errors.Is(err, engine.ErrClosed) {
			t.Errorf("sending to who has gone: %v", err)
		}
		wantOpen(t, "Drain", done)
		busy.resume()
		synctest.Wait()
		wantMessages(t, "what was queued", busy.rest(), "4one", "4two")
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, r := range []*recorder{hanging.recorder, away.recorder, moving.recorder, busySession} {
			wantBody(t, "reason", r.reason(), drained)
		}
	})
}

// Nobody new gets in; who is there goes on until it is his turn, and may move to a
// WebSocket still.
func TestWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{PingInterval: time.Second})
		c := h.connect()
		early, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket)) // accepted before, but begun later
		hold := make(chan struct{})
		c.onFinish = func(context.Context) { <-hold }
		done := h.drainLater(t.Context(), 0)
		const refusal = `{"code":3,"message":"Server shutting down"}`
		reply := do(h.Server, "GET", polling, "")
		wantStatus(t, "handshake", reply, 503, refusal)
		wantElsewhere(t, reply)
		_, reply = h.dial(webSocket)
		wantStatus(t, "WebSocket handshake", reply, 503, refusal)
		wantElsewhere(t, reply)
		p := newPipe(t)
		early.Serve(pipeEnd(p))
		if !p.isClosed() || len(p.written()) > 0 {
			t.Errorf("a WebSocket that was accepted before: closed: %v, sent %q", p.isClosed(), p.written())
		}
		if reply := c.post("4x"); reply.Status != 200 || reply.Header.Get("Connection") != "" {
			t.Errorf("POST: %d %v", reply.Status, reply.Header)
		}
		w := c.probe()
		w.send("5")
		_ = c.session.SendText("here")
		synctest.Wait()
		wantMessages(t, "over the WebSocket", w.rest(), "4here")
		close(hold)
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantBody(t, "reason", c.reason(), drained)
	})
}

// Who goes away by himself needs no turn, and the last one ends the drain.
func TestWhoGoesByHimselfIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		var o order
		o.start = time.Now()
		var all []*recorder
		for i := range 20 {
			_, r := h.connectWebSocket()
			o.watch(i, r.session)
			all = append(all, r)
		}
		done := h.drainLater(t.Context(), time.Minute)
		time.Sleep(30 * time.Second)
		for _, r := range all {
			r.session.Abort()
		}
		synctest.Wait()
		if err := <-done; err != nil || time.Since(o.start) != 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(o.start))
		}
		reasons := map[string]int{}
		for _, r := range all {
			reasons[r.reason()]++
		}
		if reasons[drained] != 10 || reasons["transport close"] != 10 {
			t.Errorf("%v", reasons)
		}
	})
}

func TestDrainHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		var pipes []*pipe
		for range 10 {
			p, _ := h.connectWebSocket()
			pipes = append(pipes, p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := h.Drain(ctx, 10*time.Second)
		if took := time.Since(start); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v after %v", err, took)
		}
		wantBody(t, "error", err.Error(), "engine: 7 clients were left when the drain was ended: context deadline exceeded")
		time.Sleep(20 * time.Second)
		open := 0
		for _, p := range pipes {
			if !p.isClosed() {
				open++
			}
		}
		if open != 7 || h.ClientsCount() != 7 {
			t.Errorf("%d connections and %d sessions are left", open, h.ClientsCount())
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // one that has ended already lets nobody be sent away
			if err := h.Drain(ended, 0); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := h.ClientsCount(); n != 7 {
			t.Errorf("%d sessions are left", n)
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := h.Drain(ended, 0); err != nil {
			t.Errorf("with nobody left: %v", err)
		}
	})
}

// Those who do not answer hold up Drain for as long as they may take, and nobody
// else.
func TestDrainOfClientsThatDoNotAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		clients func(*host)
		took    time.Duration
	}{
		"a poll that does not come": {func(h *host) { h.connect() }, 30 * time.Second},
		"a close frame that is not answered": {func(h *host) {
			p, _ := h.connectWebSocket()
			p.silent = true
		}, closePatience},
		"a WebSocket that proves itself and no more": {func(h *host) { h.connect().probe() }, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{PingInterval: time.Hour})
				row.clients(h)
				var o order
				for i := range 9 {
					_, r := h.connectWebSocket()
					o.watch(i, r.session)
				}
				o.start = time.Now()
				if err := h.Drain(t.Context(), 10*time.Second); err != nil {
					t.Error(err)
				}
				if took := time.Since(o.start); took < row.took || took > row.took+10*time.Second {
					t.Errorf("took %v", took)
				}
				if len(o.when) != 9 || o.when[8] > 10*time.Second {
					t.Errorf("the others went at %v", o.when)
				}
			})
		})
	}
}

// Shutdown, or Close, takes over at once from a Drain that is under way.
func TestShutdownDuringDrain(t *testing.T) {
	for name, end := range map[string]func(*host) error{
		"Shutdown": func(h *host) error { return h.Shutdown(h.t.Context()) },
		"Close":    func(h *host) error { return h.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				for range 10 {
					h.connectWebSocket()
				}
				start := time.Now()
				done := h.drainLater(t.Context(), 10*time.Second)
				time.Sleep(4 * time.Second)
				if err := end(h); err != nil {
					t.Error(err)
				}
				if err := <-done; err != nil || time.Since(start) != 4*time.Second {
					t.Errorf("Drain: %v after %v", err, time.Since(start))
				}
				reasons := map[string]int{}
				h.recorders.Range(func(_, r any) bool {
					reasons[r.(*recorder).reason()]++
					return true
				})
				if reasons[drained] != 4 || reasons["server shutting down"] != 6 {
					t.Errorf("%v", reasons)
				}
			})
		})
	}
}

// A client that cannot be told keeps Shutdown waiting; Drain does not go on beside it.
func TestAShutdownThatHangsEndsTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{PingInterval: time.Hour})
		c := h.connect() // and polls no more
		c.onFinish = func(context.Context) { t.Error("it is its turn though it is about to go") }
		start := time.Now()
		done := h.drainLater(t.Context(), time.Second)
		if c.reason() != "" {
			t.Fatal("it has gone before")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-done; err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("Drain: %v after %v", err, time.Since(start))
		}
	})
}

func TestDrainTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		if err := h.Drain(t.Context(), time.Hour); err != nil {
			t.Errorf("of nobody: %v", err)
		}
		if err := h.Drain(t.Context(), time.Hour); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Of several calls the first sets the pace, and the next goes on where it was ended.
func TestDrainsAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		var o order
		for i := range 20 {
			_, r := h.connectWebSocket()
			o.watch(i, r.session)
		}
		o.start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		first := h.drainLater(ctx, 20*time.Second)
		hasty, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		second, third := h.drainLater(hasty, 0), h.drainLater(t.Context(), 5*time.Second)
		if err := <-second; !errors.Is(err, context.DeadlineExceeded) || time.Since(o.start) != 5*time.Second {
			t.Errorf("the hasty one: %v after %v", err, time.Since(o.start))
		}
		if n := h.ClientsCount(); n != 15 {
			t.Errorf("%d are left after 5 s", n)
		}
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) || time.Since(o.start) != 10*time.Second {
			t.Errorf("the first: %v after %v", err, time.Since(o.start))
		}
		if err := <-third; err != nil {
			t.Error(err)
		}
		if took := time.Since(o.start); took < 14500*time.Millisecond || took > 15*time.Second {
			t.Errorf("took %v", took)
		}
		for i, at := range o.when[10:] {
			from := 10*time.Second + time.Duration(i)*500*time.Millisecond
			if at < from || at > from+500*time.Millisecond {
				t.Errorf("of the third's, the %dth went after %v", i, at)
			}
		}
	})
}

// A receiver may finish what it has begun, for a second at most; the session goes on
// meanwhile.
func TestDrainLetsReceiversFinish(t *testing.T) {
	const forever = time.Hour
	for name, row := range map[string]struct {
		finish func(ctx context.Context, s *engine.Session)
		ctx    time.Duration
		took   time.Duration
		want   []message
	}{
		"soon": {func(_ context.Context, s *engine.Session) {
			time.Sleep(300 * time.Millisecond)
			_ = s.SendText("done")
		}, forever, 300 * time.Millisecond, []message{"4done"}},
		"too late": {func(ctx context.Context, _ *engine.Session) {
			<-ctx.Done()
		}, forever, time.Second, nil},
		"later than the drain": {func(ctx context.Context, _ *engine.Session) {
			<-ctx.Done()
		}, 200 * time.Millisecond, time.Second, nil},
		"by a panic": {func(context.Context, *engine.Session) { panic("finish") }, forever, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				p, r := h.connectWebSocket()
				r.onFinish = func(ctx context.Context) { row.finish(ctx, r.session) }
				var others []*pipe
				for range 8 {
					q, _ := h.connectWebSocket()
					others = append(others, q)
				}
				ctx, cancel := context.WithTimeout(t.Context(), row.ctx)
				defer cancel()
				start := time.Now()
				done := h.drainLater(ctx, 0)
				if slices.ContainsFunc(others, func(q *pipe) bool { return !q.isClosed() }) {
					t.Error("another client has to wait")
				}
				time.Sleep(row.took - time.Millisecond)
				synctest.Wait()
				if row.took > 0 && p.isClosed() {
					t.Error("the session has ended already")
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				wantBody(t, "reason", r.reason(), drained)
				if err := <-done; (err != nil) != (row.ctx < row.took) || time.Since(start) > row.took+time.Millisecond {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				wantMessages(t, "sent", p.rest(), row.want...)
			})
		})
	}
}
