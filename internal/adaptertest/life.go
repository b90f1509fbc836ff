package adaptertest

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// life is about how sessions and servers end.
func life(t *testing.T, host Host) {
	t.Run("shutdown", func(t *testing.T) { testShutdown(t, host) })
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
