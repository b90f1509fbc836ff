package adaptertest

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	dialer "github.com/fasthttp/websocket"
)

// opening are the header fields of a WebSocket's opening handshake, with the key
// of RFC 6455's example.
var opening = []string{
	"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

// accept is the answer to that key.
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

// upgradeRequest is the whole of such a request.
func (s *site) upgradeRequest(headers ...string) string {
	lines := append([]string{"GET " + s.path + "/?EIO=4&transport=websocket HTTP/1.1", "Host: " + s.addr}, opening...)
	return strings.Join(append(lines, headers...), "\r\n") + "\r\n\r\n"
}

// connect opens a TCP connection that the test closes.
func (s *site) connect() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// raw sends bytes and returns what comes until the server hangs up.
func (s *site) raw(request string) string {
	s.t.Helper()
	conn := s.connect()
	if _, err := io.WriteString(conn, request); err != nil {
		s.t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil && len(b) == 0 {
		s.t.Fatal(err)
	}
	return string(b)
}

// clientFrame is a masked WebSocket frame with all of a text message.
func clientFrame(text string) []byte {
	b := []byte{0x81}
	switch n := len(text); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	default:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i := range len(text) {
		b = append(b, text[i]^mask[i%4])
	}
	return b
}

// serverFrame reads a short unmasked frame.
func serverFrame(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	n := int(head[1])
	if n == 126 {
		var long [2]byte
		if _, err := io.ReadFull(r, long[:]); err != nil {
			t.Fatal(err)
		}
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// A ws is a WebSocket client.
type ws struct {
	t *testing.T
	*dialer.Conn
}

// dial opens a WebSocket; sid is empty for a new session.
func (s *site) dial(sid string, headers ...string) *ws {
	s.t.Helper()
	return s.dialBy(&dialer.Dialer{HandshakeTimeout: patience}, sid, headers...)
}

func (s *site) dialBy(d *dialer.Dialer, sid string, headers ...string) *ws {
	s.t.Helper()
	header := map[string][]string{}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		header[name] = append(header[name], value)
	}
	d.TLSClientConfig = s.trust
	target := s.scheme("ws") + s.addr + s.path + s.end + "?EIO=4&transport=websocket"
	if sid != "" {
		target += "&sid=" + sid
	}
	conn, res, err := d.Dial(target, header)
	if err != nil {
		status, body := 0, []byte(nil)
		if res != nil {
			status = res.StatusCode
			body, _ = io.ReadAll(res.Body)
		}
		s.t.Fatalf("dial: %v (%d %s)", err, status, body)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	return &ws{s.t, conn}
}

func (c *ws) send(text string) {
	c.t.Helper()
	if err := c.WriteMessage(dialer.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *ws) receive() string {
	c.t.Helper()
	_, data, err := c.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}

// expect receives a message that must be this one.
func (c *ws) expect(text string) {
	c.t.Helper()
	if got := c.receive(); got != text {
		c.t.Fatalf("received %q, want %q", got, text)
	}
}
