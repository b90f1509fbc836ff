package adaptertest

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func middlewares(t *testing.T, host Host) {
	all := App{Place: Group, Logger: true, Recovery: true, CORS: true, Gzip: true}
	t.Run("all", func(t *testing.T) {
		s := start(t, host, all, engine.Config{AllowedOrigins: []string{Origin}})
		t.Run("handshake", s.sub(testUnder))
		t.Run("dial", s.sub(testDial))
		t.Run("from polling", s.sub(testFromPolling))
	})
	t.Run("CORS", func(t *testing.T) { testCORS(t, host) })
	t.Run("gzip", func(t *testing.T) {
		t.Run("framework's", start(t, host, App{Gzip: true}, engine.Config{}).sub(testGzip))
		t.Run("engine's", start(t, host, App{}, engine.Config{}).sub(testGzip))
	})
	t.Run("server timeouts", func(t *testing.T) {
		app := App{ConnTimeout: time.Second, Logger: true, Recovery: true, CORS: true}
		testHanging(start(t, host, app, engine.Config{}).with(t))
	})
	t.Run("timeout", func(t *testing.T) { testTimeout(t, host) })
}

func (s *site) with(t *testing.T) *site {
	sub := *s
	sub.t = t
	return &sub
}

// testUnder: middlewares change nothing that a client minds.
func testUnder(s *site) {
	sid := s.open(user)
	s.exchange(sid, user)
	if r := s.do("POST", s.query("nobody"), "4x", user); r.status != 400 || r.body != `{"code":1,"message":"Session ID unknown"}` {
		s.t.Errorf("%d %q", r.status, r.body)
	}
}

// testCORS: with the framework's middleware around, each field is there once.
func testCORS(t *testing.T, host Host) {
	for name, cfg := range map[string]engine.Config{
		"listed": {AllowedOrigins: []string{Origin}, CORS: engine.CORS{Credentials: true}},
		"any":    {AllowedOrigins: []string{"*"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, host, App{Place: Group, CORS: true}, cfg)
			page := "Origin: " + Origin
			check := func(what string, r response) {
				for key, want := range map[string]string{
					"Access-Control-Allow-Origin":      Origin,
					"Access-Control-Allow-Credentials": "true",
				} {
					if got := strings.Join(r.header.Values(key), "|"); got != want {
						t.Errorf("%s: %s: %q", what, key, got)
					}
				}
			}
			check("handshake", s.do("GET", s.query(""), "", user, page))
			check("refusal", s.do("GET", s.query("nobody"), "", user, page))
			r := s.do("OPTIONS", s.query(""), "", page, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-user")
			check("preflight", r)
			if r.status != 204 || !strings.Contains(strings.ToLower(r.header.Get("Access-Control-Allow-Headers")), "x-user") {
				t.Errorf("preflight: %d %v", r.status, r.header)
			}
		})
	}
}

// testGzip: what the client accepts compressed is so once, and says so.
func testGzip(s *site) {
	sid := s.open("Accept-Encoding: gzip")
	for _, size := range []int{1, 5000} {
		message := "4" + strings.Repeat("a", size)
		if r := s.do("POST", s.query(sid), message, "Accept-Encoding: gzip"); r.status != 200 || plain(s.t, r) != "ok" {
			s.t.Fatalf("POST: %d %q", r.status, r.body)
		}
		r := s.do("GET", s.query(sid), "", "Accept-Encoding: gzip")
		if got := plain(s.t, r); got != message {
			s.t.Errorf("%d bytes: %.50q %v", size, got, r.header)
		}
		if size > 1024 && r.header.Get("Content-Encoding") != "gzip" {
			s.t.Errorf("%d bytes: not compressed: %v", size, r.header)
		}
	}
	r := s.do("GET", s.query("nobody"), "", "Accept-Encoding: gzip")
	if got := plain(s.t, r); r.status != 400 || got != `{"code":1,"message":"Session ID unknown"}` {
		s.t.Errorf("refusal: %d %q %v", r.status, got, r.header)
	}
}

// plain undoes the compression that a response declares.
func plain(t *testing.T, r response) string {
	t.Helper()
	switch got := strings.Join(r.header.Values("Content-Encoding"), "|"); got {
	case "":
		return r.body
	case "gzip":
	default:
		t.Fatalf("Content-Encoding: %q", got)
	}
	z, err := gzip.NewReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatalf("%v: %q %v", err, r.body, r.header)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// testHanging: a poll hangs longer than the server's timeouts, and is answered.
func testHanging(s *site) {
	sid := s.open()
	polled := s.pollLater(sid)
	c := s.dial("")
	time.Sleep(2500 * time.Millisecond)
	s.client.CloseIdleConnections() // of which the server may just give one up
	s.do("POST", s.query(sid), "4late")
	if r := <-polled; r.status != 200 || r.body != "4late" {
		s.t.Errorf("the poll: %d %q", r.status, r.body)
	}
	sidOf(s.t, c.receive())
	c.send("4hello")
	c.expect("4hello")
}

// pollLater polls in the background. An error is a response without a status.
func (s *site) pollLater(sid string) <-chan response {
	polled := make(chan response, 1)
	go func() {
		r, err := s.try("GET", s.query(sid), "")
		if err != nil {
			r.body = err.Error()
		}
		polled <- r
	}()
	return polled
}

// testTimeout: under the framework's timeout middleware short polls work, and
// WebSocket works or says why it does not.
func testTimeout(t *testing.T, host Host) {
	s := start(t, host, App{Timeout: 2 * time.Second}, engine.Config{})
	s.exchange(s.open())
	if host.TimeoutHides {
		r := s.do("GET", s.path+"/?EIO=4&transport=websocket", "", opening...)
		if r.status != 501 || !strings.Contains(r.body, "mount Socket.IO outside") {
			t.Errorf("%d %q", r.status, r.body)
		}
		return
	}
	c := s.dial("")
	sidOf(t, c.receive())
	time.Sleep(2500 * time.Millisecond)
	c.send("4hello")
	c.expect("4hello")
}
