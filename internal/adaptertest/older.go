package adaptertest

import (
	"net/url"
	"strings"
	"testing"
	"time"

	dialer "github.com/fasthttp/websocket"

	"github.com/kawat-go/kawat/core/engine"
)

// older runs with clients of before Socket.IO 3, whose bodies are binary and whose
// polls may be scripts.
func older(t *testing.T, host Host) {
	for name, streams := range map[string]bool{"default": false, "streamed": true} {
		t.Run(name, func(t *testing.T) {
			cfg := engine.Config{AllowEIO3: true, MaxPayload: 1000, BodyTimeout: patience}
			s := start(t, host, App{Place: Group, Streams: streams}, cfg)
			t.Run("polling", s.sub(testOldPolling))
			t.Run("limit", s.sub(testOldLimit))
			t.Run("upgrade", s.sub(testOldUpgrade))
			t.Run("JSONP", s.sub(testJSONP))
		})
	}
	t.Run("not allowed", func(t *testing.T) {
		s := start(t, host, App{}, engine.Config{})
		if r := s.do("GET", s.path+"/?EIO=3&transport=polling", ""); r.status != 400 || !strings.Contains(r.body, `"code":5`) {
			t.Errorf("%d %q", r.status, r.body)
		}
	})
}

const octets = "Content-Type: application/octet-stream"

// openOld begins a session with these parameters, and returns the target of its
// further requests.
func (s *site) openOld(query string) (target, sid string) {
	s.t.Helper()
	target = s.path + "/?" + query
	r := s.do("GET", target, "", user)
	_, rest, ok := strings.Cut(strings.ReplaceAll(r.body, `\"`, `"`), `0{"sid":"`)
	if !ok || len(rest) < 20 {
		s.t.Fatalf("handshake: %d %q", r.status, r.body)
	}
	return target + "&sid=" + rest[:20], rest[:20]
}

// roundTrip posts a body and compares what the next poll brings.
func (s *site) roundTrip(target, body, answer, kind string, headers ...string) {
	s.t.Helper()
	if r := s.do("POST", target, body, append(headers, user)...); r.status != 200 || r.body != "ok" {
		s.t.Fatalf("POST %q: %d %q", body, r.status, r.body)
	}
	if r := s.do("GET", target, "", user); r.status != 200 || r.body != answer || r.header.Get("Content-Type") != kind {
		s.t.Errorf("%q is answered %d %q %q", body, r.status, r.header.Get("Content-Type"), r.body)
	}
}

func testOldPolling(s *site) {
	const plain, binary = "text/plain; charset=UTF-8", "application/octet-stream"
	for _, query := range []string{"EIO=3&transport=polling", "transport=polling"} {
		target, _ := s.openOld(query)
		s.roundTrip(target, "7:4é😀 \x1e\n", "7:4é😀 \x1e\n", plain, "Content-Type: text/plain;charset=UTF-8")
		payload := "\x00\x08\xff4\x00é😀\x01\x06\xff\x04\x00\x01\xfe\xff\n"
		s.roundTrip(target, payload, payload, binary, octets)
		s.roundTrip(target, "1:2", "1:3", plain)
	}
	target, _ := s.openOld("EIO=3&transport=polling&b64=1")
	s.roundTrip(target, "2:4a6:b4AP/+", "2:4a6:b4AP/+", plain)
}

func testOldLimit(s *site) {
	target, _ := s.openOld("EIO=3&transport=polling")
	for _, headers := range [][]string{nil, {octets}} {
		if r := s.do("POST", target, strings.Repeat("9", 5000), append(headers, user)...); r.status != 413 {
			s.t.Errorf("%v: %d %q", headers, r.status, r.body)
		}
	}
	s.roundTrip(target, "2:4a", "2:4a", "text/plain; charset=UTF-8") // the session lives
	if r := s.do("POST", target, "99999999999:4", user); r.status != 400 {
		s.t.Errorf("a hostile length: %d %q", r.status, r.body)
	}
}

func testOldUpgrade(s *site) {
	target, _ := s.openOld("EIO=3&transport=polling&b64=1")
	c := s.dialOld(strings.Replace(strings.Replace(target, "polling", "websocket", 1), "&b64=1", "", 1))
	polled := make(chan response, 1)
	go func() {
		r, _ := s.try("GET", target, "", user)
		polled <- r
	}()
	c.send("2probe")
	c.expect("3probe")
	if r := <-polled; r.body != "1:6" {
		s.t.Errorf("the poll: %d %q", r.status, r.body)
	}
	c.send("5")
	c.send("4hello")
	c.expect("4hello")
	_ = c.WriteMessage(dialer.BinaryMessage, []byte{4, 1, 2})
	c.expect("\x04\x01\x02")
	c.send("2")
	c.expect("3")
}

// dialOld opens a WebSocket at a target of its own.
func (s *site) dialOld(target string) *ws {
	s.t.Helper()
	d := &dialer.Dialer{HandshakeTimeout: patience}
	conn, _, err := d.Dial(s.scheme("ws")+s.addr+target, map[string][]string{UserHeader: {"alice"}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	return &ws{s.t, conn}
}

func testJSONP(s *site) {
	for query, payload := range map[string]string{"EIO=3&transport=polling&j=3": "5:4é\\n😀", "EIO=4&transport=polling&j=3": `4é\n😀`} {
		target, _ := s.openOld(query)
		script := `___eio[3]("` + payload + `");`
		s.roundTrip(target, "d="+url.QueryEscape(payload), script, "text/plain; charset=UTF-8", "Content-Type: application/x-www-form-urlencoded")
	}
	r := s.do("GET", s.path+"/?EIO=3&transport=polling&j=3", "", user, "Sec-Fetch-Site: cross-site", "Referer: http://evil.example/")
	if r.status != 403 {
		s.t.Errorf("a script of another site: %d %q", r.status, r.body)
	}
}
