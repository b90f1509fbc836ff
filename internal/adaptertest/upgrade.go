package adaptertest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	dialer "github.com/fasthttp/websocket"

	"github.com/kawat-go/kawat/core/engine"
)

func upgrades(t *testing.T, host Host) {
	for name, app := range places {
		t.Run(name, func(t *testing.T) {
			s := start(t, host, app, engine.Config{})
			t.Run("dial", s.sub(testDial))
			t.Run("from polling", s.sub(testFromPolling))
		})
	}
	s := start(t, host, App{}, engine.Config{AllowedOrigins: []string{Origin}})
	t.Run("head", s.sub(testHead))
	t.Run("many heads", s.sub(testManyHeads))
	t.Run("no handshake", s.sub(testNoHandshake))
	t.Run("origin", s.sub(testOrigin))
	t.Run("subprotocol", s.sub(testSubprotocol))
	t.Run("TLS", start(t, host, App{Secure: true}, engine.Config{}).sub(testTLS))
	t.Run("response", func(t *testing.T) { testResponse(t, host) })
	t.Run("no Hijack", func(t *testing.T) { testNoHijack(t, host) })
	if host.SeesUpgrades {
		t.Run("log", func(t *testing.T) { testLog(t, host) })
	}
}

func testDial(s *site) {
	for _, end := range []string{"", "/", "/below"} {
		at := *s
		at.end = end
		c := at.dial("", user)
		sidOf(s.t, c.receive())
		for i := range 3 {
			message := fmt.Sprintf("4hello %d", i)
			c.send(message)
			c.expect(message)
		}
		_ = c.WriteMessage(dialer.BinaryMessage, []byte{1, 2})
		c.expect("\x01\x02")
	}
}

func testFromPolling(s *site) {
	sid := s.open(user)
	c := s.dial(sid, user)
	polled := make(chan response, 1)
	go func() {
		r, _ := s.try("GET", s.query(sid), "", user)
		polled <- r
	}()
	c.send("2probe")
	c.expect("3probe")
	if r := <-polled; r.body != "6" {
		s.t.Errorf("the poll: %d %q", r.status, r.body)
	}
	c.send("5")
	c.send("4hello")
	c.expect("4hello")
	if r := s.do("GET", s.query(sid), "", user); r.status != 400 {
		s.t.Errorf("polling after the upgrade: %d %q", r.status, r.body)
	}
}

// testHead: what comes right behind the upgrade request is not lost.
func testHead(s *site) {
	for _, size := range []int{2, 100, 3000, 9000} {
		conn := s.connect()
		message := "4" + strings.Repeat("x", size-1)
		behind := append(clientFrame("4first"), clientFrame(message)...)
		half := len(behind) / 2
		if _, err := conn.Write(append([]byte(s.upgradeRequest()), behind[:half]...)); err != nil {
			s.t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != accept {
			s.t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		sidOf(s.t, serverFrame(s.t, r))
		if _, err := conn.Write(behind[half:]); err != nil {
			s.t.Fatal(err)
		}
		for _, want := range []string{"4first", message} {
			if got := serverFrame(s.t, r); got != want {
				s.t.Fatalf("size %d: %.50q", size, got)
			}
		}
	}
}

func testManyHeads(s *site) {
	var all sync.WaitGroup
	for i := range 50 {
		conn := s.connect()
		all.Go(func() {
			message := fmt.Sprintf("4from %d", i)
			_, _ = io.WriteString(conn, s.upgradeRequest()+string(clientFrame(message)))
			r := bufio.NewReader(conn)
			if _, err := http.ReadResponse(r, nil); err != nil {
				s.t.Error(err)
				return
			}
			got := make([]byte, 4096)
			for n := 0; !strings.HasSuffix(string(got[:n]), message); {
				m, err := r.Read(got[n:])
				if err != nil {
					s.t.Errorf("%d: %q, %v", i, got[:n], err)
					return
				}
				n += m
			}
		})
	}
	all.Wait()
}

func testNoHandshake(s *site) {
	for name, request := range map[string]string{
		"no key":      strings.ReplaceAll(s.upgradeRequest(), "Sec-WebSocket-Key", "X"),
		"bad key":     strings.ReplaceAll(s.upgradeRequest(), "dGhlIHNhbXBsZSBub25jZQ==", "abc"),
		"old version": strings.ReplaceAll(s.upgradeRequest(), "13", "8"),
		"POST":        strings.Replace(s.upgradeRequest("Content-Length: 0"), "GET", "POST", 1),
	} {
		r := s.raw(strings.Replace(request, "Connection: Upgrade", "Connection: Upgrade, close", 1))
		if !strings.Contains(r, " 400 Bad Request\r\n") || !strings.HasSuffix(r, "\r\n\r\nBad request") {
			s.t.Errorf("%s: %q", name, r)
		}
	}
}

func testOrigin(s *site) {
	s.dial("", "Origin: "+Origin)
	r := s.do("GET", s.path+"/?EIO=4&transport=websocket", "", append([]string{"Origin: http://evil.example"}, opening...)...)
	if r.status != 403 {
		s.t.Errorf("a foreign page: %d %q", r.status, r.body)
	}
}

// testSubprotocol: of what a client offers the first is chosen, since browsers drop
// a connection for which none is.
func testSubprotocol(s *site) {
	for offer, want := range map[string]string{"": "", "one": "one", "one, two": "one", " two ,one": "two", "a b": "", "(": "", ",x": ""} {
		header := s.head(s.upgradeRequest("Sec-WebSocket-Protocol: " + offer))
		if got := strings.Join(header.Values("Sec-WebSocket-Protocol"), "|"); got != want {
			s.t.Errorf("%q: %q, want %q", offer, got, want)
		}
	}
}

func testTLS(s *site) {
	sid := s.open()
	s.exchange(sid)
	c := s.dial("")
	sidOf(s.t, c.receive())
	c.send("4hello")
	c.expect("4hello")
	long := "4" + strings.Repeat("long ", 20_000)
	c.send(long)
	c.expect(long)
}

// testResponse: the 101 response has the engine's header fields, and none of the
// middlewares'.
func testResponse(t *testing.T, host Host) {
	s := start(t, host, App{CORS: true, Gzip: true}, engine.Config{
		AllowedOrigins: []string{Origin},
		Headers: func(h engine.Header, _ *engine.Request) {
			h.Set("X-Node", "7")
			h.Set("Set-Cookie", "a=1")
			h.Add("Set-Cookie", "b=2\r\nX-Evil: 1")
		},
	})
	request := s.upgradeRequest("Origin: "+Origin, "Accept-Encoding: gzip")
	header := s.head(strings.Replace(request, "Connection: Upgrade", "Connection: upgrade", 1)) // as nginx sends it
	if header.Get("X-Node") != "7" || strings.Join(header.Values("Set-Cookie"), "|") != "a=1" || header.Get("X-Evil") != "" {
		t.Errorf("%v", header)
	}
	for _, key := range []string{"Content-Encoding", "Content-Length", "Content-Type", "Vary", "Access-Control-Allow-Origin"} {
		if header.Get(key) != "" {
			t.Errorf("%s: %q", key, header.Get(key))
		}
	}
}

// testNoHijack: where no connection can be had, the answer says who is to blame
// and what to do, and the log says so once.
func testNoHijack(t *testing.T, host Host) {
	s := start(t, host, App{NoHijack: true}, engine.Config{})
	for range 3 {
		r := s.do("GET", s.path+"/?EIO=4&transport=websocket", "", opening...)
		if r.status != http.StatusNotImplemented || !strings.Contains(r.body, host.Culprit) || !strings.Contains(r.body, "mount Socket.IO") {
			t.Errorf("%d %q", r.status, r.body)
		}
	}
	if n := strings.Count(s.log.String(), host.Culprit); n != 1 {
		t.Errorf("logged %d times: %s", n, s.log)
	}
	s.exchange(s.open())
}

// testLog: a WebSocket is logged when it begins.
func testLog(t *testing.T, host Host) {
	statuses := make(chan int, 1)
	s := start(t, host, App{Log: func(status int) { statuses <- status }}, engine.Config{})
	c := s.dial("")
	select {
	case status := <-statuses:
		if status != 101 {
			t.Errorf("status %d", status)
		}
	case <-time.After(patience):
		t.Error("no middleware saw the request end")
	}
	c.send("4hello")
}
