package adaptertest

import (
	"context"
	"io"
	"maps"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// life is about how sessions and servers end.
func life(t *testing.T, host Host) {
	t.Run("shutdown", func(t *testing.T) { testShutdown(t, host) })
	t.Run("drain", func(t *testing.T) { testDrain(t, host) })
	t.Run("gone", func(t *testing.T) { testGone(t, host) })
	t.Run("slow poll", func(t *testing.T) { testSlowPoll(t, host) })
}

// testSlowPoll has a client whose poll brings more than it can take in WriteTimeout.
// It gets all of it, since it gets on.
func testSlowPoll(t *testing.T, host Host) {
	const timeout, messages, size = time.Second, 12, 1 << 20 // more than both ends' buffers hold
	s := start(t, host, App{ConnTimeout: timeout}, engine.Config{WriteTimeout: timeout, MaxQueuedBytes: 2 * messages * size})
	s.io.OnConnection(func(session *engine.Session) engine.Receiver {
		for range messages {
			_ = session.SendText(strings.Repeat("x", size))
		}
		return engine.Funcs{}
	})
	sid := s.open()
	conn := s.connect()
	_ = conn.(*net.TCPConn).SetReadBuffer(256 << 10)
	_, _ = io.WriteString(conn, "GET "+s.path+"/?EIO=4&transport=polling&sid="+sid+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	got, began := int64(0), time.Now()
	for {
		n, err := io.CopyN(io.Discard, conn, size/4)
		got += n
		if err != nil {
			break
		}
		time.Sleep(timeout / 15)
	}
	if got < messages*size || time.Since(began) < timeout {
		t.Errorf("%d bytes of %d in %v", got, messages*size, time.Since(began))
	}
}

// testShutdown is the recipe of the adapters' documentation.
func testShutdown(t *testing.T, host Host) {
	s := start(t, host, App{}, engine.Config{})
	var polls atomic.Int64
	s.io.Use(func(_ context.Context, r *engine.Request) error {
		if strings.Contains(r.RawQuery, "sid=") {
			polls.Add(1)
		}
		return nil
	})
	polled := s.pollLater(s.open())
	c := s.dial("")
	sidOf(t, c.receive())
	silent := s.connect() // of a client that does not say goodbye
	_, _ = io.WriteString(silent, s.upgradeRequest())
	eventually(t, "the sessions are there", func() bool { return s.io.ClientsCount() == 3 && polls.Load() == 1 })
	time.Sleep(50 * time.Millisecond) // the poll hangs
	closed := make(chan error, 1)
	go func() {
		_, _, err := c.ReadMessage()
		closed <- err
	}()

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	_ = s.io.Shutdown(ctx) // the silent client is cut off at the deadline
	if err := s.shutdown(t.Context()); err != nil {
		t.Errorf("the framework's: %v", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("took %v", took)
	}
	if r := <-polled; r.status != 200 || r.body != "1" {
		t.Errorf("the poll: %d %q", r.status, r.body)
	}
	if err := <-closed; err == nil {
		t.Error("the WebSocket is open")
	}
	if n := s.io.ClientsCount(); n != 0 {
		t.Errorf("%d sessions left", n)
	}
}

// testDrain is the recipe for where others take over: who is there is sent what was sent
// before, and away; nobody gets in; and for the framework nothing is left to wait for.
func testDrain(t *testing.T, host Host) {
	var ends endings
	s := startWith(t, host, App{}, engine.Config{}, ends.receiver)
	hanging := s.open()
	polled := s.pollLater(hanging)
	away := s.open()
	c := s.dial("")
	sidOf(t, c.receive())
	moving := s.open()
	w := s.dial(moving)
	w.send("2probe")
	w.expect("3probe")
	if r := s.do("POST", s.query(away), "4hello"); r.status != 200 { // its echo waits
		t.Fatalf("POST: %d %s", r.status, r.body)
	}
	c.send("4hello")
	w.send("5")
	eventually(t, "the last client has moved", func() bool { return s.io.Stats().WebSockets == 2 })

	drained := make(chan error, 1)
	go func() { drained <- s.io.Drain(t.Context(), 100*time.Millisecond) }()
	c.expect("4hello")
	for name, c := range map[string]*ws{"that began so": c, "that has moved": w} {
		if _, data, err := c.ReadMessage(); err == nil {
			t.Errorf("a WebSocket %s is sent %q", name, data)
		}
	}
	if r := <-polled; r.status != 200 || r.body != "1" {
		t.Errorf("the poll: %d %q", r.status, r.body)
	}
	if r := s.do("GET", s.query(away), ""); r.status != 200 || r.body != "4hello" {
		t.Errorf("what was sent before: %d %q", r.status, r.body)
	}
	s.refuses(t)
	if r := s.do("GET", s.query(away), ""); r.status != 200 || r.body != "1" {
		t.Errorf("the end: %d %q", r.status, r.body)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	ends.want(t, map[engine.Reason]int{engine.ReasonDrained: 4})
	s.refuses(t)
	if err := s.io.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	began := time.Now()
	if err := s.shutdown(t.Context()); err != nil || time.Since(began) > patience/2 {
		t.Errorf("the framework's: %v after %v", err, time.Since(began))
	}
	if conn, err := net.Dial("tcp", s.addr); err == nil {
		_ = conn.Close()
		t.Error("the framework listens still")
	}
}

// refuses checks that new clients are told to go elsewhere, over either transport.
func (s *site) refuses(t *testing.T) {
	t.Helper()
	r := s.do("GET", s.query(""), "")
	if r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("a new client: %d %v", r.status, r.header)
	}
	answer := s.raw(s.upgradeRequest())
	if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(strings.ToLower(answer), "\r\nretry-after: ") {
		t.Errorf("a new WebSocket: %q", answer)
	}
}

// endings counts why sessions end. They send back what they get.
type endings struct {
	mu     sync.Mutex
	counts map[engine.Reason]int
}

func (e *endings) receiver(s *engine.Session) engine.Receiver {
	s.OnClose(func(reason engine.Reason, _ error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.counts == nil {
			e.counts = make(map[engine.Reason]int)
		}
		e.counts[reason]++
	})
	return echo(s)
}

func (e *endings) want(t *testing.T, want map[engine.Reason]int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !maps.Equal(e.counts, want) {
		t.Errorf("sessions ended with %v, want %v", e.counts, want)
	}
}

// testGone: a client that goes away takes its session along, at once where the
// framework can tell, else by the heartbeat.
func testGone(t *testing.T, host Host) {
	var cfg engine.Config
	if cfg.PingInterval = time.Hour; host.Blind {
		cfg.PingInterval, cfg.PingTimeout = time.Second, 500*time.Millisecond
	}
	s := start(t, host, App{}, cfg)
	var opened atomic.Int64
	s.io.OnConnection(func(*engine.Session) engine.Receiver {
		opened.Add(1)
		return engine.Funcs{}
	})
	sid := s.open()
	conn := s.connect()
	_, _ = io.WriteString(conn, "GET "+s.query(sid)+" HTTP/1.1\r\nHost: x\r\n\r\n")
	c := s.dial("")
	eventually(t, "both were there", func() bool { return opened.Load() == 2 })
	time.Sleep(50 * time.Millisecond) // the poll hangs
	_ = conn.Close()
	_ = c.NetConn().(*net.TCPConn).SetLinger(0)
	_ = c.NetConn().Close()
	eventually(t, "both sessions end", func() bool { return s.io.ClientsCount() == 0 })
}
