//go:build !race

package socketio

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// An idleConn brings the client's CONNECT, and then nothing until it is closed.
type idleConn struct{ packets chan string }

func (c *idleConn) ReadMessages(deliver func(binary bool, data []byte) error) error {
	p, ok := <-c.packets
	if !ok {
		return io.EOF
	}
	return deliver(false, []byte(p))
}

func (c *idleConn) WriteFrames([]*engine.Frame) error { return nil }
func (c *idleConn) Close(int, string)                 { c.Abort() }

func (c *idleConn) Abort() {
	defer func() { _ = recover() }() // closed already
	close(c.packets)
}

// idle opens a connection and joins "/", as a browser does it and as a program does.
func idle(tb testing.TB, s *Server, number int, browser bool) {
	r := &engine.Request{
		Method: "GET", Path: "/socket.io/", RawQuery: "EIO=4&transport=websocket", Host: "app.example:8080",
		RemoteAddr: fmt.Sprintf("192.0.2.1:%d", number),
		Header: engine.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {fmt.Sprintf("%022d==", number)},
		},
	}
	if browser {
		for key, value := range map[string]string{
			"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
			"Origin":     "http://app.example:8080", "Cookie": fmt.Sprintf("session=%032d", number),
			"Accept-Encoding": "gzip, deflate, br, zstd", "Accept-Language": "en-US,en;q=0.9", "Cache-Control": "no-cache",
			"Sec-Websocket-Extensions": "permessage-deflate; client_max_window_bits", "Pragma": "no-cache",
		} {
			r.Header.Set(key, value)
		}
	}
	u, reply := s.Engine().AcceptUpgrade(tb.Context(), r)
	if u == nil {
		tb.Fatalf("refused: %s", reply.Body)
	}
	c := &idleConn{packets: make(chan string, 1)}
	c.packets <- "40"
	u.Start(c)
}

// What an idle client holds decides how many a server can have. The budgets are a
// quarter above what that is, the test's own connection included (150 bytes) but not
// the goroutine that waits for the client.
func TestIdleClientsAreCheap(t *testing.T) {
	const n = 5000
	forgetGoroutines(3 * n) // a client that connects has up to three
	for _, c := range []struct {
		name           string
		browser        bool
		set            func(*Server)
		bytes, objects float64
	}{
		{"bare", false, func(*Server) {}, 1600, 14.5},
		{"browser", true, func(*Server) {}, 1850, 14.5},
		{"application", false, func(s *Server) {
			type key struct{}
			for range 3 {
				s.Use(func(ctx context.Context, _ *Socket) (context.Context, error) {
					return context.WithValue(ctx, key{}, "value"), nil
				})
			}
			s.OnConnection(func(_ context.Context, s *Socket) error { return s.Join("everybody") })
		}, 2450, 23.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := quietServer(t, Config{AllowedOrigins: []string{"*"}})
			c.set(s)
			idle(t, s, 0, c.browser) // what is there once
			waitForSockets(t, s, 1)
			before := heapStats()
			for i := range n {
				idle(t, s, i, c.browser)
			}
			waitForSockets(t, s, n+1)
			after := heapStats()
			bytes := float64(after.HeapAlloc-before.HeapAlloc) / n
			objects := float64(after.HeapObjects-before.HeapObjects) / n
			t.Logf("an idle client takes %.0f bytes in %.2f pieces", bytes, objects)
			if bytes > c.bytes || objects > c.objects {
				t.Errorf("want at most %v bytes in %v pieces", c.bytes, c.objects)
			}
			runtime.KeepAlive(s)
		})
	}
}

// forgetGoroutines lets the runtime have what it keeps of goroutines that have ended.
func forgetGoroutines(n int) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for range n {
		all.Go(func() { <-begin })
	}
	close(begin)
	all.Wait()
}

// waitForSockets waits until n sockets are connected, and nothing is done for any.
func waitForSockets(t *testing.T, s *Server, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if s.SocketCount() == n && s.workers.count() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d sockets, want %d; %d at work", s.SocketCount(), n, s.workers.count())
}

func heapStats() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}
