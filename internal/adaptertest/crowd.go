package adaptertest

import (
	"bufio"
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// crowds checks that who comes to a server that is full, or busy, is told so, over
// both transports, and that the others do not notice.
func crowds(t *testing.T, host Host) {
	t.Run("full", func(t *testing.T) {
		testFull(start(t, host, App{}, engine.Config{MaxSessions: 2, DisableParking: host.unparked}))
	})
	t.Run("busy", func(t *testing.T) {
		testBusy(start(t, host, App{}, engine.Config{MaxHandshakesPerSecond: 1, DisableParking: host.unparked}))
	})
	t.Run("handshakes that fail", func(t *testing.T) {
		testPlacesComeBack(start(t, host, App{}, engine.Config{MaxSessions: 1, DisableParking: host.unparked}))
	})
	t.Run("no connection to take over", func(t *testing.T) {
		s := start(t, host, App{NoHijack: true}, engine.Config{MaxSessions: 1, DisableParking: host.unparked})
		for range 3 {
			if r := s.do("GET", s.path+"/?EIO=4&transport=websocket", "", opening...); r.status != http.StatusNotImplemented {
				t.Errorf("upgrade: %d %s", r.status, r.body)
			}
		}
		s.open()
	})
}

func testFull(s *site) {
	sid, c := s.open(), s.dial("")
	sidOf(s.t, c.receive())
	for range 3 {
		s.wantTurnedAway("Server full")
		s.exchange(sid)
		c.send("4still here")
		c.expect("4still here")
	}
	moved := s.dial(sid)
	moved.send("2probe")
	moved.expect("3probe")
	moved.send("5")
	moved.send("4moved")
	moved.expect("4moved")
	s.wantTurnedAway("Server full")
	_ = c.Close()
	eventually(s.t, "there is a place", func() bool { return s.io.ClientsCount() == 1 })
	s.exchange(s.open())
	if n := s.io.Stats().RefusedFull; n != 8 {
		s.t.Errorf("%d are counted, want 8", n)
	}
}

// testBusy fills the second with handshakes, which a slow machine may take too long
// for: so it tries until some are refused, and those that are there do not notice.
func testBusy(s *site) {
	sid := s.open()
	eventually(s.t, "handshakes are refused", func() bool {
		r := s.do("GET", s.query(""), "")
		if r.status == http.StatusServiceUnavailable {
			wantTurnedAway(s.t, r, "Server busy")
		}
		s.exchange(sid)
		return r.status == http.StatusServiceUnavailable
	})
	eventually(s.t, "over WebSocket too", func() bool {
		_, r := s.tryUpgrade()
		if r.status == http.StatusServiceUnavailable {
			wantTurnedAway(s.t, r, "Server busy")
		}
		s.exchange(sid)
		return r.status == http.StatusServiceUnavailable
	})
	eventually(s.t, "the next second has room", func() bool { return s.do("GET", s.query(""), "").status == http.StatusOK })
}

// testPlacesComeBack: a client that does not wait for the answer to its handshake,
// or sends something else behind it, does not keep its place.
func testPlacesComeBack(s *site) {
	request := s.upgradeRequest()
	for name, behind := range map[string]string{"nothing": "", "garbage": "test", "close": string(closeFrame())} {
		for range 3 {
			conn := s.connect()
			_, _ = io.WriteString(conn, request+behind)
			_ = conn.Close()
		}
		eventually(s.t, "the place is free again after "+name, func() bool {
			c, r := s.tryUpgrade()
			if c != nil {
				_ = c.Close()
			}
			return r.status == http.StatusSwitchingProtocols
		})
		eventually(s.t, "the session has gone", func() bool { return s.io.ClientsCount() == 0 })
	}
	// One of those above may only now be looked at.
	eventually(s.t, "the place is free in the end", func() bool { return s.do("GET", s.query(""), "").status == http.StatusOK })
}

// closeFrame is a client's.
func closeFrame() []byte {
	return binary.BigEndian.AppendUint16([]byte{0x88, 0x82, 0, 0, 0, 0}, 1000)
}

func (s *site) wantTurnedAway(message string) {
	s.t.Helper()
	wantTurnedAway(s.t, s.do("GET", s.query(""), ""), message)
	c, r := s.tryUpgrade()
	if c != nil {
		s.t.Fatal("a WebSocket is let in")
	}
	wantTurnedAway(s.t, r, message)
}

func wantTurnedAway(t *testing.T, r response, message string) {
	t.Helper()
	if r.status != http.StatusServiceUnavailable || r.body != `{"code":3,"message":"`+message+`"}` {
		t.Errorf("%d %q, want 503 and %q", r.status, r.body, message)
	}
	if n, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || n < 1 || n > 10 {
		t.Errorf("Retry-After is %q", r.header.Get("Retry-After"))
	}
}

// tryUpgrade asks for a WebSocket, and returns the connection if there is one.
func (s *site) tryUpgrade() (io.Closer, response) {
	s.t.Helper()
	conn := s.connect()
	if _, err := io.WriteString(conn, s.upgradeRequest()); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return conn, response{status: res.StatusCode}
	}
	defer conn.Close()
	defer res.Body.Close()
	var body strings.Builder
	if _, err := io.Copy(&body, res.Body); err != nil {
		s.t.Fatal(err)
	}
	return nil, response{res.StatusCode, res.Header, body.String()}
}
