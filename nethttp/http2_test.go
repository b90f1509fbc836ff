package nethttp_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/nethttp"
)

// TestHTTP2: polling works over HTTP/2, longer than the server's WriteTimeout, and
// a WebSocket there is refused in so many words.
func TestHTTP2(t *testing.T) {
	srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		time.AfterFunc(600*time.Millisecond, func() { _ = s.SendText("late") })
		return engine.Funcs{}
	})
	site := httptest.NewUnstartedServer(nethttp.Handler(srv))
	site.EnableHTTP2 = true
	site.Config.WriteTimeout = 300 * time.Millisecond
	site.StartTLS()
	defer site.Close()

	get := func(query string) (int, string) {
		t.Helper()
		res, err := site.Client().Get(site.URL + "/engine.io/?EIO=4&" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.ProtoMajor != 2 {
			t.Fatal(err, res.Proto)
		}
		return res.StatusCode, string(b)
	}
	_, packet := get("transport=polling")
	_, rest, _ := strings.Cut(packet, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	if status, body := get("transport=polling&sid=" + sid); status != http.StatusOK || body != "4late" {
		t.Errorf("the poll: %d %q", status, body)
	}
	if status, body := get("transport=websocket"); status != 400 || !strings.Contains(body, `"code":3`) {
		t.Errorf("a WebSocket: %d %q", status, body)
	}
}
