package testclient

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// canned answers are what a connection reads, a few bytes at a time.
type canned struct {
	net.Conn
	io.Reader
}

func (c canned) Read(b []byte) (int, error)    { return c.Reader.Read(b[:min(len(b), 7)]) }
func (canned) Write(b []byte) (int, error)     { return len(b), nil }
func (canned) Close() error                    { return nil }
func (canned) SetReadDeadline(time.Time) error { return nil }

func answer(text string) *stream { return &stream{conn: canned{Reader: strings.NewReader(text)}} }

func TestResponses(t *testing.T) {
	s := answer("HTTP/1.1 200 OK\r\nX: y\r\nCONTENT-length: 5\r\n\r\nfirst" +
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: Close\r\n\r\nsecond")
	closed := 0
	for i, want := range []string{"first", "second"} {
		body, err := s.exchange(nil, func() { closed++ })
		if string(body) != want || err != nil || closed != i {
			t.Errorf("%q, %v, closed %d", body, err, closed)
		}
	}
	for _, bad := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 500 OK\r\nContent-Length: 1\r\n\r\nx", strings.Repeat("x", 20_000),
	} {
		if body, err := answer(bad).exchange(nil, func() {}); err == nil {
			t.Errorf("%.40q is no error: %q", bad, body)
		}
	}
}

// serverFrame is a frame as a server sends it.
func serverFrame(op byte, data string) string {
	b := appendFrame(nil, op, nil)[:1]
	switch n := len(data); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = append(b, 126, byte(n>>8), byte(n))
	default:
		b = append(b, 127, 0, 0, 0, 0, 0, byte(n>>16), byte(n>>8), byte(n))
	}
	return string(b) + data
}

func TestFramesOfTheServer(t *testing.T) {
	var all string
	var want []string
	for _, size := range []int{0, 1, 125, 126, 65_535, 65_536, 100_000} {
		want = append(want, strings.Repeat("z", size))
		all += serverFrame(opText, want[len(want)-1])
	}
	w := &wsConn{stream: *answer(all)}
	for _, text := range want {
		if op, data, err := w.read(); op != opText || string(data) != text || err != nil {
			t.Fatalf("%d bytes: opcode %d, %d bytes, %v", len(text), op, len(data), err)
		}
	}
	if _, _, err := w.read(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for _, bad := range []string{"\x01\x00", "\xc1\x00", "\x81\x80\x00\x00\x00\x00", "\x80\x00"} {
		w := &wsConn{stream: *answer(bad)}
		if _, _, err := w.read(); !errors.Is(err, errFrame) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestFramesOfTheClientAreMasked(t *testing.T) {
	for _, size := range []int{0, 3, 125, 126, 65_535, 65_536} {
		data := bytes.Repeat([]byte{'q'}, size)
		frame := appendFrame(nil, opBinary, data)
		head := 2
		switch {
		case size >= 1<<16:
			head = 10
		case size > 125:
			head = 4
		}
		if frame[0] != 0x80|opBinary || frame[1]&0x80 == 0 || len(frame) != head+4+size {
			t.Fatalf("size %d: begins %x, %d bytes", size, frame[:2], len(frame))
		}
		for i, b := range frame[head+4:] {
			if b^frame[head+i&3] != 'q' {
				t.Fatalf("size %d: byte %d is not masked as the frame says", size, i)
			}
		}
	}
}
