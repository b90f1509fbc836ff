package engine_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// However many things end a session at the same time, its receiver is told once.
// The recorder complains about a second Close.
func TestManyEndsAreOne(t *testing.T) {
	for range 50 {
		h := serve(t, engine.Config{MaxQueuedMessages: 3})
		c := h.connect()
		p, r := h.connectWebSocket()
		moving := h.connect()
		candidate := moving.probe()
		ctx, cancel := context.WithCancel(t.Context())
		ends := []func(){
			c.session.Close,
			r.session.Close,
			moving.session.Close,
			func() { p.end(io.EOF) },
			func() { p.send("9") },
			func() { p.send("2") },
			func() { candidate.send("5") },
			func() { candidate.end(io.EOF) },
			func() { c.post("1") },
			func() { moving.post("garbage") },
			func() { h.ServePoll(ctx, request("GET", c.query(), "")) },
			func() { h.ServePoll(ctx, request("GET", moving.query(), "")) },
			cancel,
			func() { _ = r.session.SendText("x") },
			func() { _ = c.session.SendText("x") },
			func() { _ = h.Close() },
		}
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 64 {
			wg.Go(func() {
				<-start
				ends[i%len(ends)]()
			})
		}
		close(start)
		wg.Wait()
		for _, r := range []*recorder{c.recorder, r, moving.recorder} {
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				if r.reason() != "" {
					break
				}
				time.Sleep(ms)
			}
			if r.reason() == "" {
				t.Error("the receiver is not told of the end")
			}
		}
		cancel()
	}
}

// The end may come while OnConnection still runs, and is not forgotten.
func TestAnEndDuringOnConnection(t *testing.T) {
	for name, c := range map[string]struct {
		end           func(h *host, s *engine.Session)
		reason, cause string
	}{
		"server closed": {func(h *host, _ *engine.Session) { _ = h.Close() }, "server shutting down", ""},
		"slow consumer": {func(_ *host, s *engine.Session) {
			for s.SendText("x") == nil {
			}
		}, "slow consumer", engine.ErrQueueFull.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *host
				h = serveWith(t, engine.Config{MaxQueuedMessages: 3}, func(r *recorder) {
					c.end(h, r.session)
					synctest.Wait()
					wantBody(t, "reason before there is a receiver", r.reason(), "")
				})
				u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(webSocket))
				p := newPipe(t)
				u.Serve(pipeEnd(p))
				h.recorders.Range(func(_, v any) bool {
					wantBody(t, "reason", v.(*recorder).reason(), c.reason)
					wantBody(t, "cause", v.(*recorder).description(), c.cause)
					return true
				})
				if n := h.ClientsCount(); n != 0 || !p.isClosed() {
					t.Errorf("%d sessions; connection closed: %v", n, p.isClosed())
				}
			})
		})
	}
}

// With a GenerateID that can be guessed, a client can be quicker than OnConnection.
func TestAMessageDuringOnConnectionWaitsForItsReceiver(t *testing.T) {
	connecting := make(chan struct{})
	h := serveWith(t, engine.Config{GenerateID: func(*engine.Request) (string, error) { return "guessed", nil }},
		func(*recorder) {
			close(connecting)
			time.Sleep(20 * ms)
		})
	go do(h.Server, "GET", polling, "")
	<-connecting
	wantStatus(t, "POST", do(h.Server, "POST", polling+"&sid=guessed", "4early"), 200, "ok")
	wantMessages(t, "received", h.recorder("guessed").got(), "early")
	if n := h.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}
