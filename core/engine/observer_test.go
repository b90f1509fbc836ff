package engine_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A diary is what an observer was told.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// take returns what was noted since the last time.
func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

func (d *diary) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := d.take(); !slices.Equal(got, want) {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

// observer returns one that notes all it is told.
func (d *diary) observer() *engine.Observer {
	return &engine.Observer{
		SessionOpened:   func(s *engine.Session) { d.note("opened %s", s.Transport()) },
		SessionUpgraded: func(s *engine.Session) { d.note("upgraded %s", s.Transport()) },
		SessionClosed: func(_ *engine.Session, reason engine.Reason, cause error, lasted time.Duration) {
			d.note("closed %s, %v, %v", reason, cause, lasted)
		},
		SlowConsumer:   func(_ *engine.Session, messages, bytes int) { d.note("slow %d %d", messages, bytes) },
		RequestRefused: func(e engine.ConnectionError) { d.note("refused %d %s %s", e.Code, e.Message, e.Context) },
		PanicRecovered: func(in string, value any, stack []byte) {
			d.note("panic %s %v %v", in, value, strings.Contains(string(stack), "panic("))
		},
	}
}

func TestObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		h := serve(t, engine.Config{Observer: d.observer(), PingInterval: time.Hour, MaxSessions: 3, MaxQueuedBytes: 100})
		c := h.connect()
		d.want(t, "handshake", "opened polling")
		time.Sleep(time.Second)
		p := c.probe()
		if stats := h.Stats(); stats.Upgrading != 1 || stats.Polling != 1 || stats.WebSockets != 0 {
			t.Errorf("while it moves: %+v", stats)
		}
		p.send("5")
		synctest.Wait()
		d.want(t, "upgrade", "upgraded websocket")
		if stats := h.Stats(); stats.Upgrading != 0 || stats.Polling != 0 || stats.WebSockets != 1 || stats.Upgraded != 1 {
			t.Errorf("when it has moved: %+v", stats)
		}
		time.Sleep(time.Second)
		c.session.Close()
		synctest.Wait()
		d.want(t, "the server closes it", "closed forced close, <nil>, 2s")

		slow, r := h.connectWebSocket()
		other := h.connect()
		d.want(t, "handshakes", "opened websocket", "opened polling")
		slow.stall()
		_ = r.session.SendText("x")
		synctest.Wait()
		_ = r.session.SendText(strings.Repeat("x", 60))
		_ = r.session.SendText(strings.Repeat("x", 20))
		if stats := h.Stats(); stats.QueuedMessages != 3 || stats.QueuedBytes != 2+61+21 {
			t.Errorf("what waits: %+v", stats)
		}
		if err := r.session.SendText(strings.Repeat("x", 20)); !errors.Is(err, engine.ErrQueueFull) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		d.want(t, "slow consumer", "slow 2 82", "closed slow consumer, "+engine.ErrQueueFull.Error()+", 0s")

		h.connect()
		h.connect()
		d.take()
		do(h.Server, "GET", polling, "")
		do(h.Server, "GET", "EIO=4&transport=tin", "")
		do(h.Server, "GET", polling+"&sid=unknown", "")
		d.want(t, "refusals", "refused 3 Server full SERVER_FULL", "refused 0 Transport unknown tin", "refused 1 Session ID unknown ")
		other.onMessage = func(message) { panic("oh") }
		wantStatus(t, "POST", other.post("4x"), 200, "ok")
		d.want(t, "panic", "panic Receiver.Message oh true")

		_ = h.Close()
		synctest.Wait()
		for _, line := range d.take() {
			if !strings.HasPrefix(line, "closed server shutting down") {
				t.Error(line)
			}
		}
		stats := h.Stats()
		wantClosed := map[engine.Reason]int64{engine.ReasonForcedClose: 1, engine.ReasonSlowConsumer: 1, engine.ReasonServerShutdown: 3}
		if !maps.Equal(stats.Closed, wantClosed) || stats.Opened != 5 || stats.SlowConsumers != 1 || stats.Panics != 1 {
			t.Errorf("at the end: %+v", stats)
		}
		wantRefused := map[int]int64{0: 1, 1: 1, 3: 1}
		if !maps.Equal(stats.Refused, wantRefused) || stats.RefusedFull != 1 || stats.QueuedMessages != 0 || stats.Sessions+stats.WebSockets != 0 {
			t.Errorf("at the end: %+v", stats)
		}
	})
}

// Each way in which a WebSocket fails to take over is counted off.
func TestUpgradingIsCountedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		for name, fail := range map[string]func(c *client, p *pipe){
			"it ends":            func(_ *client, p *pipe) { p.end(errors.New("gone")) },
			"it says nothing":    func(*client, *pipe) { time.Sleep(11 * time.Second) },
			"it breaks the rule": func(_ *client, p *pipe) { p.send("4x") },
			"its session ends":   func(c *client, _ *pipe) { c.post("1") },
		} {
			c := h.connect()
			p := c.candidate()
			synctest.Wait()
			if n := h.Stats().Upgrading; n != 1 {
				t.Errorf("%s: %d before", name, n)
			}
			fail(c, p)
			synctest.Wait()
			if n := h.Stats().Upgrading; n != 0 {
				t.Errorf("%s: %d after", name, n)
			}
			c.post("1")
		}
	})
}

// A session that ends before its receiver is named is told of once, and in order.
func TestObserverOfShortSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		srv := newServer(t, engine.Config{Observer: d.observer()})
		srv.OnConnection(func(s *engine.Session) engine.Receiver {
			s.Abort()
			d.note("named")
			return engine.Funcs{OnClose: func(engine.Reason, error) { d.note("receiver told") }}
		})
		do(srv, "GET", polling, "")
		d.want(t, "aborted", "opened polling", "named", "receiver told", "closed transport close, engine: aborted, 0s")

		srv.OnConnection(func(*engine.Session) engine.Receiver { return nil })
		do(srv, "GET", polling, "")
		time.Sleep(time.Minute)
		d.want(t, "refused", "opened polling", "closed forced close, <nil>, 30s")
	})
}

func TestObserverThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := new(lines)
		h := serve(t, engine.Config{Logger: logged.logger(), MaxQueuedMessages: 2, Observer: &engine.Observer{
			SessionOpened:   func(*engine.Session) { panic("1") },
			SessionUpgraded: func(*engine.Session) { panic("2") },
			SessionClosed:   func(*engine.Session, engine.Reason, error, time.Duration) { panic("3") },
			SlowConsumer:    func(*engine.Session, int, int) { panic("4") },
			RequestRefused:  func(engine.ConnectionError) { panic("5") },
			PanicRecovered:  func(string, any, []byte) { panic("6") },
		}})
		c := h.connect()
		c.probe().send("5")
		c2 := h.connect()
		for range 4 {
			_ = c2.session.SendText("x")
		}
		do(h.Server, "GET", "", "")
		synctest.Wait()
		if reason := c2.reason(); reason != "slow consumer" {
			t.Errorf("ended by %q", reason)
		}
		_ = c.session.SendText("x")
		synctest.Wait()
		// Opened twice, upgraded, slow, closed, refused; and each of them once more.
		if n := h.Stats().Panics; n != 12 {
			t.Errorf("%d panics", n)
		}
		if n := logged.count("stack="); n != 10 {
			t.Errorf("%d stacks are logged", n)
		}
	})
}

// BenchmarkStats: it does not matter how many sessions there are.
func BenchmarkStats(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			srv := newServer(b, engine.Config{PingInterval: time.Hour})
			srv.OnConnection(func(*engine.Session) engine.Receiver { return engine.Funcs{} })
			for range n {
				do(srv, "GET", polling, "")
			}
			b.ReportAllocs()
			for b.Loop() {
				srv.Stats()
			}
		})
	}
}
