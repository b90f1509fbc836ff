package engine_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestShutdownTellsEveryClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		hanging, away := h.connect(), h.connect()
		idle, idleSession := h.connectWebSocket()
		busy, busySession := h.connectWebSocket()
		moving := h.connect()
		candidate := moving.probe()

		poll := hanging.pollLater()
		_ = away.session.SendText("first")
		busy.stall()
		_ = busySession.session.SendText("one")
		synctest.Wait()
		_ = busySession.session.SendText("two")
		_ = moving.session.SendText("moved")

		down := make(chan error)
		go func() { down <- h.Shutdown(context.Background()) }()
		synctest.Wait()
		wantBody(t, "poll that hangs", <-poll, "1")
		if !idle.isClosed() {
			t.Error("an idle WebSocket is not closed")
		}
		candidate.send("5")
		synctest.Wait()
		wantMessages(t, "to the client that moves", candidate.rest(), "4moved")
		if !candidate.isClosed() {
			t.Error("the WebSocket of a client that moves is not closed")
		}
		wantBody(t, "poll that comes later", away.poll(), "4first")
		wantBody(t, "and its next", away.poll(), "1")
		select {
		case err := <-down:
			t.Fatalf("returns before all have gone: %v", err)
		default:
		}
		busy.resume()
		synctest.Wait()
		wantMessages(t, "what was queued", busy.rest(), "4one", "4two")
		if err := <-down; err != nil {
			t.Error(err)
		}
		for _, r := range []*recorder{hanging.recorder, away.recorder, moving.recorder, idleSession, busySession} {
			wantBody(t, "reason", r.reason(), "server shutting down")
		}
	})
}

func TestShutdownOfSessionsThatPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		down := make(chan error)
		go func() { down <- h.Shutdown(context.Background()) }()
		time.Sleep(time.Second)
		wantBody(t, "poll", c.poll(), "1")
		start := time.Now()
		if err := <-down; err != nil || time.Since(start) > 0 {
			t.Errorf("returned %v after %v", err, time.Since(start))
		}
	})
}

func TestShutdownWaitsForTheAnswerToTheCloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, _ := h.connectWebSocket()
		p.silent = true
		start := time.Now()
		if err := h.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != closePatience {
			t.Errorf("took %v, want %v", took, closePatience)
		}
	})
}

func TestShutdownHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		away := h.connect()
		p, r := h.connectWebSocket()
		p.stall()
		_ = r.session.SendText("x")
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := h.Shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v, want 3s", took)
		}
		wantBody(t, "error", err.Error(), "engine: 2 clients had not confirmed the shutdown and were dropped: context deadline exceeded")
		synctest.Wait()
		wantBody(t, "reason", away.reason(), "server shutting down")
		wantBody(t, "reason", r.reason(), "server shutting down")
		if !p.isAborted() {
			t.Error("the connection is not dropped")
		}
	})
}

// Each client that is dropped counts once, whatever is left of it: a session, a
// connection that does not end, or both.
func TestShutdownCountsWhomItDrops(t *testing.T) {
	for name, row := range map[string]struct {
		left func(h *host)
		want string
	}{
		"a session that polls":      {func(h *host) { h.connect() }, "1 clients"},
		"one that is about to move": {func(h *host) { h.connect().probe() }, "1 clients"},
		"a connection that is written to": {func(h *host) {
			p, r := h.connectWebSocket()
			p.stall()
			_ = r.session.SendText("x")
			synctest.Wait()
		}, "1 clients"},
		"a connection whose session has ended": {func(h *host) {
			p, _ := h.connectWebSocket()
			p.silent = true
		}, "1 clients"},
		"several": {func(h *host) {
			for range 5 {
				h.connect()
				p, _ := h.connectWebSocket()
				p.silent = true
			}
		}, "10 clients"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{PingInterval: time.Hour})
				row.left(h)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := h.Shutdown(ctx)
				if err == nil || !strings.HasPrefix(err.Error(), "engine: "+row.want+" had not confirmed") {
					t.Errorf("%v, want %s", err, row.want)
				}
				synctest.Wait()
				if err := h.Shutdown(ctx); err != nil {
					t.Errorf("a second time: %v", err)
				}
			})
		})
	}
}

// Whose receiver does not return from Close holds up Shutdown for a moment, and nobody
// else's end.
func TestShutdownDoesNotWaitForReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := make(chan struct{})
		srv := newServer(t, engine.Config{})
		srv.OnConnection(func(*engine.Session) engine.Receiver {
			return engine.Funcs{OnClose: func(engine.Reason, error) { <-blocked }}
		})
		h := &host{t: t, Server: srv}
		var pipes []*pipe
		for range 10 {
			p, _ := h.dial(webSocket)
			p.next()
			p.silent = true
			pipes = append(pipes, p)
			do(srv, "GET", polling, "")
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := srv.Shutdown(ctx)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 1100*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
		for _, p := range pipes {
			if !p.isClosed() {
				t.Error("a connection is not closed")
			}
		}
		close(blocked)
	})
}

func TestAfterShutdown(t *testing.T) {
	h := serve(t, engine.Config{})
	early, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
	for range 2 {
		if err := h.Shutdown(t.Context()); err != nil {
			t.Errorf("without sessions: %v", err)
		}
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	const refusal = `{"code":3,"message":"Server shutting down"}`
	reply := do(h.Server, "GET", polling, "")
	wantStatus(t, "handshake", reply, 503, refusal)
	if reply.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	_, reply = h.dial(webSocket)
	wantStatus(t, "WebSocket handshake", reply, 503, refusal)
	p := newPipe(t)
	early.Serve(pipeEnd(p)) // was accepted before
	if !p.isClosed() || len(p.written()) > 0 {
		t.Errorf("a WebSocket that was accepted before: closed: %v, sent %q", p.isClosed(), p.written())
	}
	if queued := h.Stats().QueuedBytes; queued != 0 {
		t.Errorf("%d bytes are queued for nobody", queued)
	}
}

func TestRefuse(t *testing.T) {
	h := serve(t, engine.Config{})
	c := h.connect()
	h.Refuse()
	if got := do(h.Server, "GET", polling, "").Status; got != 503 {
		t.Errorf("handshake: %d", got)
	}
	_ = c.session.SendText("x")
	wantBody(t, "sessions go on", c.poll(), "4x")
	wantStatus(t, "sessions go on", c.post("4x"), 200, "ok")
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		p, r := h.connectWebSocket()
		poll := c.pollLater()
		synctest.Wait()
		for range 2 {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
		wantBody(t, "poll", <-poll, "1")
		synctest.Wait()
		wantBody(t, "reason", c.reason(), "server shutting down")
		wantBody(t, "reason", r.reason(), "server shutting down")
		if !p.isAborted() {
			t.Error("the connection is not dropped")
		}
		if err := h.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func wantElsewhere(t *testing.T, reply engine.Reply) {
	t.Helper()
	if n, err := strconv.Atoi(reply.Header.Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("Retry-After: %q", reply.Header.Get("Retry-After"))
	}
	wantBody(t, "Connection", reply.Header.Get("Connection"), "close")
}

// The connection of a client that polls ends with its session, or its next handshake
// would come to the same server again.
func TestAPollingClientLeavesItsConnection(t *testing.T) {
	for name, end := range map[string]func(h *host) error{
		"Drain":    func(h *host) error { return h.Drain(h.t.Context(), 0) },
		"Shutdown": func(h *host) error { return h.Shutdown(h.t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				hanging, later, kicked := h.connect(), h.connect(), h.connect()
				kicked.session.Close() // which is no reason to go elsewhere
				reply := do(h.Server, "GET", kicked.query(), "")
				wantStatus(t, "of one that is closed", reply, 200, "1")
				wantBody(t, "Connection", reply.Header.Get("Connection"), "")
				_ = later.session.SendText("x")
				hung := make(chan engine.Reply, 1)
				go func() { hung <- do(h.Server, "GET", hanging.query(), "") }()
				synctest.Wait()
				done := make(chan error, 1)
				go func() { done <- end(h) }()
				reply = <-hung
				wantStatus(t, "of one that polls", reply, 200, "1")
				wantBody(t, "Connection", reply.Header.Get("Connection"), "close")
				reply = do(h.Server, "GET", later.query(), "")
				wantStatus(t, "of one that has something to fetch", reply, 200, "4x")
				wantBody(t, "Connection", reply.Header.Get("Connection"), "")
				reply = do(h.Server, "GET", later.query(), "")
				wantStatus(t, "its next", reply, 200, "1")
				wantBody(t, "Connection", reply.Header.Get("Connection"), "close")
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
