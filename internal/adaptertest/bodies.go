package adaptertest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// bodies runs with bodies as the framework reads them by default and, where it
// makes a difference, streamed.
func bodies(t *testing.T, host Host) {
	for name, streams := range map[string]bool{"default": false, "streamed": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t, host, App{Streams: streams}, engine.Config{MaxPayload: 1000, BodyTimeout: patience})
			t.Run("chunked", s.sub(testChunked))
			t.Run("over the limit", s.sub(testOverLimit))
			t.Run("pipelined", s.sub(testPipelined))
			t.Run("cut off", s.sub(testCutOff))
			t.Run("opaque", s.sub(testOpaque))
		})
	}
	cfg := engine.Config{MaxPayload: 20_000, BodyTimeout: slow}
	t.Run("slow", start(t, host, App{Streams: true}, cfg).sub(testSlow))
	cfg.BodyTimeout = patience
	s := start(t, host, App{Streams: true}, cfg)
	t.Run("never sent", s.sub(testNeverSent))
	t.Run("refused unread", s.sub(testRefusedUnread))
}

// slow is how long a body may take that does not come.
const slow = time.Second

// preface is how much of a streamed body may be read before the endpoint is asked.
const preface = 8192

// post is a POST request on the wire.
func (s *site) post(sid, headers, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\n%s\r\n%s", s.query(sid), s.addr, headers, body)
}

func testChunked(s *site) {
	sid := s.open()
	r := s.raw(s.post(sid, "Connection: close\r\nTransfer-Encoding: chunked\r\n", "3\r\n4he\r\n3;ext=1\r\nllo\r\n0\r\n\r\n"))
	if !strings.Contains(r, " 200 OK\r\n") || !strings.HasSuffix(r, "ok") {
		s.t.Errorf("POST: %q", r)
	}
	if r := s.do("GET", s.query(sid), ""); r.body != "4hello" {
		s.t.Errorf("GET: %q", r.body)
	}
}

func testOverLimit(s *site) {
	sid := s.open()
	long := "4" + strings.Repeat("a", 5000)
	for name, request := range map[string]string{
		"declared": s.post(sid, "Content-Length: 5001\r\n", long),
		"chunked":  s.post(sid, "Transfer-Encoding: chunked\r\n", "1389\r\n"+long+"\r\n0\r\n\r\n"),
	} {
		// Behind the body nothing is a request any more.
		r := s.raw(request + "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.Contains(r, " 413 ") || strings.Contains(r, "hello") {
			s.t.Errorf("%s: %q", name, r)
		}
	}
	s.exchange(sid) // the session lives
	if r := s.do("POST", s.query(sid), long[:1000]); r.status != 200 {
		s.t.Errorf("at the limit: %d", r.status)
	}
}

func testPipelined(s *site) {
	sid := s.open()
	request := s.post(sid, "Content-Length: 2\r\n", "4a") + s.post(sid, "Content-Length: 2\r\n", "4b")
	r := s.raw(request + "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if strings.Count(r, " 200 OK\r\n") != 3 || !strings.HasSuffix(r, "hello") {
		s.t.Errorf("%q", r)
	}
	if r := s.do("GET", s.query(sid), ""); r.body != "4a\x1e4b" {
		s.t.Errorf("GET: %q", r.body)
	}
}

// testCutOff: a part of a body is never processed.
func testCutOff(s *site) {
	for _, headers := range []string{"Content-Length: 50\r\n", "Transfer-Encoding: chunked\r\n"} {
		sid, body := s.open(), "4partial"
		if strings.HasPrefix(headers, "T") {
			body = "8\r\n4partial\r\n"
		}
		conn := s.connect()
		_, _ = io.WriteString(conn, s.post(sid, headers, body))
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.ReadAll(conn)
		if r := s.do("POST", s.query(sid), "4whole"); r.status == http.StatusOK {
			if r := s.do("GET", s.query(sid), ""); r.body != "4whole" {
				s.t.Errorf("%s: %q", headers, r.body)
			}
		}
	}
}

// testOpaque: a compressed body is not inflated.
func testOpaque(s *site) {
	sid := s.open()
	r := s.do("POST", s.query(sid), "4hello", "Content-Encoding: gzip")
	if r.status != 200 {
		s.t.Fatalf("POST: %d %q", r.status, r.body)
	}
	if r := s.do("GET", s.query(sid), ""); r.body != "4hello" {
		s.t.Errorf("GET: %q", r.body)
	}
	for _, coding := range []string{"gzip", "x-gzip"} {
		sid := s.open()
		if r := s.do("POST", s.query(sid), zip("4hello"), "Content-Encoding: "+coding); r.status != 400 {
			s.t.Errorf("POST of what is no packet: %d %q", r.status, r.body)
		}
	}
}

// zip compresses, as a client does that thinks it may.
func zip(text string) string {
	var b strings.Builder
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// testSlow: the engine's deadline ends a body that does not come.
func testSlow(s *site) {
	for name, request := range map[string]string{
		"declared": s.post(s.open(), "Content-Length: 10000\r\n", strings.Repeat("4", preface+1)),
		"chunked":  s.post(s.open(), "Transfer-Encoding: chunked\r\n", "8\r\n4partial"),
	} {
		began := time.Now()
		r := s.raw(request)
		if took := time.Since(began); took < slow-50*time.Millisecond || took > patience/2 {
			s.t.Errorf("%s: took %v", name, took)
		}
		if r != "" && !strings.Contains(r, " 408 ") && !strings.Contains(r, " 400 ") {
			s.t.Errorf("%s: %q", name, r)
		}
	}
	s.exchange(s.open())
}

// testNeverSent: a body that nobody wants is not waited for.
func testNeverSent(s *site) {
	for name, request := range map[string]string{
		"unknown session": s.post("nobody", "Content-Length: 10000\r\n", strings.Repeat("4", preface+1)),
		"PUT":             strings.Replace(s.post(s.open(), "Content-Length: 10000\r\n", strings.Repeat("4", preface+1)), "POST", "PUT", 1),
	} {
		began := time.Now()
		if r := s.raw(request); !strings.Contains(r, " 40") {
			s.t.Errorf("%s: %q", name, r)
		}
		if took := time.Since(began); took > patience/2 {
			s.t.Errorf("%s: took %v", name, took)
		}
	}
}

// testRefusedUnread: what is declared too long is refused before it is there.
func testRefusedUnread(s *site) {
	r := s.raw(s.post(s.open(), "Content-Length: 9999999\r\n", strings.Repeat("4", preface+1)))
	if !strings.Contains(r, " 413 ") || !strings.Contains(r, "Connection: close\r\n") {
		s.t.Errorf("%q", r)
	}
}
