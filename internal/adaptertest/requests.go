package adaptertest

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	dialer "github.com/fasthttp/websocket"

	"github.com/kawat-go/kawat/core/engine"
)

// requests are about what a request says beside its session: whose it is, and what
// becomes of its connection.
func requests(t *testing.T, host Host) {
	testAddress(t, host)
	testForwarded(t, host)
	s := start(t, host, App{}, engine.Config{})
	t.Run("closing connections", s.sub(testClosingConnections))
	t.Run("garbage behind an upgrade", s.sub(testGarbageBehind))
	t.Run("cut response", s.sub(testCutResponse))
}

// testAddress: a session knows the address of who opened it, and what its request
// said, over both transports.
func testAddress(t *testing.T, host Host) {
	srv, err := engine.New(engine.Config{DisableParking: host.unparked})
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan *engine.Request, 1)
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		opened <- s.Request()
		return engine.Funcs{}
	})
	s := serve(t, host, App{Endpoint: srv})
	for transport, request := range map[string]string{
		engine.WebSocket: s.upgradeRequest("X-Token: secret"),
		engine.Polling:   "GET " + s.query("") + " HTTP/1.1\r\nHost: " + s.addr + "\r\nX-Token: secret\r\n\r\n",
	} {
		t.Run("address/"+transport, s.sub(func(s *site) {
			conn := s.connect()
			_, _ = io.WriteString(conn, strings.Replace(request, "EIO=4", "EIO=4&a=b%20c", 1))
			select {
			case r := <-opened:
				want := "EIO=4&a=b%20c&transport=" + transport
				if r.RemoteAddr != conn.LocalAddr().String() || r.RawQuery != want || r.Header.Get("X-Token") != "secret" {
					s.t.Errorf("from %q, %q, token %q; want %q", r.RemoteAddr, r.RawQuery, r.Header.Get("X-Token"), conn.LocalAddr())
				}
			case <-time.After(patience):
				s.t.Error("no session")
			}
		}))
	}
}

// testForwarded: an address is taken from X-Forwarded-For if it comes by a proxy that is
// trusted, and only then.
func testForwarded(t *testing.T, host Host) {
	fields := []string{"X-Forwarded-For: 127.0.0.1", "x-forwarded-for: 198.51.100.4, 127.0.0.9"}
	for name, c := range map[string]struct {
		proxies, want string
		headers       []string
	}{
		"trusted":       {"127.0.0.0/8", "198.51.100.4:0", fields},
		"not trusted":   {"10.0.0.0/8", "", fields},
		"garbage":       {"127.0.0.0/8", "", []string{"X-Forwarded-For: 198.51.100.4, <script>"}},
		"no field":      {"127.0.0.0/8", "", nil},
		"another field": {"127.0.0.0/8", "", []string{"X-Real-IP: 198.51.100.4", "Forwarded: for=198.51.100.4"}},
	} {
		t.Run("forwarded/"+name, func(t *testing.T) {
			srv, err := engine.New(engine.Config{
				DisableParking: host.unparked, TrustedProxies: []netip.Prefix{netip.MustParsePrefix(c.proxies)},
			})
			if err != nil {
				t.Fatal(err)
			}
			srv.OnConnection(func(s *engine.Session) engine.Receiver {
				_ = s.SendText(s.RemoteAddr())
				return engine.Funcs{}
			})
			s := serve(t, host, App{Endpoint: srv})
			ws := s.dial("", c.headers...)
			ws.receive()
			s.wantAddress("WebSocket", ws.receive(), ws.LocalAddr().String(), c.want)
			sid := s.open(c.headers...)
			s.wantAddress("polling", s.do("GET", s.query(sid), "").body, "127.0.0.1:", c.want)
		})
	}
}

// wantAddress checks the address that a session has sent: the peer's, unless it is to
// be another.
func (s *site) wantAddress(transport, message, peer, want string) {
	s.t.Helper()
	if want == "" {
		want = peer
	}
	if !strings.HasPrefix(message, "4"+want) {
		s.t.Errorf("%s: the address is %q, want %q", transport, message, want)
	}
}

// testClosingConnections: a session does not depend on connections that are kept
// alive.
func testClosingConnections(s *site) {
	request := func(method, sid, body string) string {
		return s.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", method, s.query(sid), len(body), body))
	}
	_, packet, _ := strings.Cut(request("GET", "", ""), "\r\n\r\n")
	sid := sidOf(s.t, packet)
	for i := range 3 {
		message := fmt.Sprint("4test ", i)
		if r := request("POST", sid, message); !strings.HasSuffix(r, "\r\n\r\nok") {
			s.t.Fatalf("POST: %q", r)
		}
		if r := request("GET", sid, ""); !strings.HasSuffix(r, "\r\n\r\n"+message) {
			s.t.Fatalf("GET: %q", r)
		}
	}
}

// testGarbageBehind: who sends no WebSocket frames behind the request for one is
// hung up on, and that is all; a session that was to move goes on polling.
func testGarbageBehind(s *site) {
	sid := s.open()
	count := s.io.ClientsCount()
	move := strings.Replace(s.upgradeRequest(), "transport=websocket", "transport=websocket&sid="+sid, 1)
	for name, request := range map[string]string{
		"new":               s.upgradeRequest() + "test",
		"move":              move + "test",
		"new, as a body":    s.upgradeRequest("Content-Length: 4") + "test",
		"move, as a body":   strings.Replace(move, "\r\n\r\n", "\r\nContent-Length: 4\r\n\r\n", 1) + "test",
		"new, then nothing": s.upgradeRequest() + "\x81\x85",
	} {
		conn := s.connect()
		_, _ = io.WriteString(conn, request)
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols && res.StatusCode != http.StatusBadRequest {
			s.t.Errorf("%s: %v, %v", name, res, err)
			continue
		}
		if strings.Contains(name, "body") || strings.Contains(name, "nothing") {
			_ = conn.Close() // the server may have read it, or wait for more
		} else if _, err := io.Copy(io.Discard, r); errors.Is(err, os.ErrDeadlineExceeded) {
			s.t.Errorf("%s: not hung up on", name)
		}
	}
	eventually(s.t, "the sessions end", func() bool { return s.io.ClientsCount() == count })
	s.exchange(sid)
	eventually(s.t, "the session can move", func() bool { return s.probes(sid) }) // the server may not have noticed every end yet
}

// probes reports whether a new connection may take over the session.
func (s *site) probes(sid string) bool {
	c := s.dial(sid)
	_ = c.WriteMessage(dialer.TextMessage, []byte("2probe")) // a connection that may not is closed
	_, answer, err := c.ReadMessage()
	return err == nil && string(answer) == "3probe"
}

// testCutResponse: a client that hangs up in the middle of a compressed response
// has lost that one, and no more.
func testCutResponse(s *site) {
	noise := make([]byte, 700_000) // hardly gets shorter
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	long := "b" + base64.StdEncoding.EncodeToString(noise)
	sid := s.open()
	if r := s.do("POST", s.query(sid), long); r.status != http.StatusOK {
		s.t.Fatalf("POST: %d %q", r.status, r.body)
	}
	conn := s.connect()
	_, _ = io.WriteString(conn, "GET "+s.query(sid)+" HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != "gzip" {
		s.t.Fatalf("%v, %v", res, err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
	s.exchange(sid)
}
