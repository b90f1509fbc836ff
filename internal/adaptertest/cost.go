package adaptertest

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// Polling measures what an exchange over polling costs a host: a POST with a message,
// and a GET that waits for what comes of it. There is no network; mount returns what
// serves one connection until that ends.
func Polling(b *testing.B, mount func(*engine.Server) (serve func(net.Conn))) {
	exchange := polling(b, mount)
	b.ReportAllocs()
	b.ResetTimer()
	exchange(b.N)
}

// PollingBudget checks that such an exchange costs at most so many allocations.
func PollingBudget(t *testing.T, budget uint64, mount func(*engine.Server) (serve func(net.Conn))) {
	const n = 500
	exchange := polling(t, mount)
	exchange(n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	exchange(n)
	runtime.ReadMemStats(&after)
	if got := (after.Mallocs - before.Mallocs) / n; got > budget {
		t.Errorf("%d allocations for a POST and a GET, want at most %d", got, budget)
	}
}

// polling opens a session, and returns what makes so many exchanges.
func polling(t testing.TB, mount func(*engine.Server) (serve func(net.Conn))) func(n int) {
	t.Helper()
	srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler), AllowedOrigins: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	srv.OnConnection(func(s *engine.Session) engine.Receiver { return &echoing{session: s} })
	serve := mount(srv)
	open := srv.ServePoll(t.Context(), &engine.Request{Method: "GET", RawQuery: "EIO=4&transport=polling"})
	_, rest, _ := strings.Cut(string(open.Body), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	const message = `421["echo","0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]`
	// What socket.io-client sends from Node.
	const fields = "Accept: */*\r\nHost: 127.0.0.1:3000\r\nConnection: keep-alive\r\n\r\n"
	target := srv.Path() + "/?EIO=4&transport=polling&t=Pq1X2Y3&sid=" + sid
	post := fmt.Sprintf("POST %s HTTP/1.1\r\nContent-type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n", target, len(message))
	get := "GET " + target + " HTTP/1.1\r\n"
	return func(n int) {
		c := &canned{left: n, exchange: post + fields + message + get + fields}
		serve(c)
		if c.answers != 2*n || c.echoes != n {
			t.Errorf("%d answers with status 200, want %d; %d echoes, want %d", c.answers, 2*n, c.echoes, n)
		}
	}
}

// echoing sends messages back from another goroutine, as handlers do.
type echoing struct {
	session *engine.Session
	got     string
}

func (e *echoing) Message(data []byte, _ bool) { e.got = string(data) }
func (e *echoing) Flush() engine.Work          { return e }
func (e *echoing) Close(engine.Reason, error)  {}
func (e *echoing) Do()                         { _ = e.session.SendText(e.got) }

// canned is the client's end of a connection without a network.
type canned struct {
	exchange, rest        string
	left, answers, echoes int
}

func (c *canned) Read(p []byte) (int, error) {
	if c.rest == "" {
		switch c.left {
		case -1:
			return 0, io.EOF
		case 0:
			c.rest = "G" // or the last poll would seem to be cut
		default:
			c.rest = c.exchange
		}
		c.left--
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *canned) Write(p []byte) (int, error) {
	c.answers += bytes.Count(p, []byte("HTTP/1.1 200 OK\r\n"))
	c.echoes += bytes.Count(p, []byte(`["echo"`))
	return len(p), nil
}

func (c *canned) Close() error                     { return nil }
func (c *canned) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3000} }
func (c *canned) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000} }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// ServeConn serves a connection until it ends.
func ServeConn(c net.Conn, h http.Handler) {
	ended := make(chan struct{})
	srv := &http.Server{Handler: h, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			close(ended)
		}
	}}
	ln := &single{conn: c, ended: ended}
	_ = srv.Serve(ln)
}

// single is a listener with one connection, which ends with it.
type single struct {
	conn  net.Conn
	ended chan struct{}
}

func (l *single) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.ended
	return nil, net.ErrClosed
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3000} }
