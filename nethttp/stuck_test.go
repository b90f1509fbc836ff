package nethttp_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/nethttp"
)

// TestStuckReader: a client that does not take the response to its poll is hung up
// on.
func TestStuckReader(t *testing.T) {
	srv, err := engine.New(engine.Config{
		Logger: slog.New(slog.DiscardHandler), WriteTimeout: 300 * time.Millisecond, MaxQueuedBytes: 64 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		for range 32 { // more than the buffers of both ends hold
			_ = s.SendText(strings.Repeat("x", 1<<20))
		}
		return engine.Funcs{}
	})
	hungUp := make(chan struct{}, 1)
	site := httptest.NewUnstartedServer(nethttp.Handler(srv))
	site.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			hungUp <- struct{}{}
		}
	}
	site.Start()
	defer site.Close()
	conn, err := net.Dial("tcp", site.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const request = "GET /engine.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: x\r\n\r\n"
	_, _ = fmt.Fprintf(conn, request, "")
	b := make([]byte, 4096)
	n, _ := conn.Read(b)
	_, rest, _ := strings.Cut(string(b[:n]), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	_, _ = io.WriteString(conn, fmt.Sprintf(request, "&sid="+sid))
	select {
	case <-hungUp:
	case <-time.After(time.Minute):
		t.Error("still there")
	}
}
