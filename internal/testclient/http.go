package testclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxHead bounds the head of a response.
const maxHead = 16 << 10

// A stream is a connection with what has been read of it and not used.
type stream struct {
	conn net.Conn
	buf  []byte
	from int // where the unused begins
}

// rest returns what is unused.
func (s *stream) rest() []byte { return s.buf[s.from:] }

func (s *stream) use(n int) { s.from += n }

// fill reads once. What rest has returned before must not be used any more.
func (s *stream) fill() error {
	if s.from > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.from:])]
		s.from = 0
	}
	if len(s.buf) == cap(s.buf) {
		larger := make([]byte, len(s.buf), max(2048, 2*cap(s.buf)))
		copy(larger, s.buf)
		s.buf = larger
	}
	n, err := s.conn.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// A response is one of HTTP's.
type response struct {
	status int
	head   []byte // without the first line
	length int    // -1 if the server does not say it
}

// readHead reads the head of a response. It is valid until the next fill.
func (s *stream) readHead() (response, error) {
	for {
		if end := bytes.Index(s.rest(), []byte("\r\n\r\n")); end >= 0 {
			head := s.rest()[:end+2]
			s.use(end + 4)
			return parseHead(head)
		}
		if len(s.rest()) > maxHead {
			return response{}, fmt.Errorf("testclient: no head of a response: %.100q", s.rest())
		}
		if err := s.fill(); err != nil {
			return response{}, err
		}
	}
}

func parseHead(head []byte) (response, error) {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	version, status, _ := strings.Cut(string(line), " ")
	number, _, _ := strings.Cut(status, " ")
	n, err := strconv.Atoi(number)
	if err != nil || version != "HTTP/1.1" {
		return response{}, fmt.Errorf("testclient: no response: %q", line)
	}
	r := response{status: n, head: fields, length: -1}
	if text := r.field("content-length"); text != "" {
		if r.length, err = strconv.Atoi(text); err != nil || r.length < 0 {
			return response{}, fmt.Errorf("testclient: a response of length %q", text)
		}
	}
	return r, nil
}

// field returns the first field of the head with that name, which is in lower case.
func (r *response) field(name string) string {
	for line := range bytes.Lines(r.head) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if len(key) == len(name) && strings.EqualFold(string(key), name) {
			return strings.TrimSpace(string(value))
		}
	}
	return ""
}

// An httpConn sends requests, one after another, over a connection that is kept.
type httpConn struct {
	dial func(context.Context) (net.Conn, error)

	mu     sync.Mutex
	stream *stream // nil until it is needed
	last   time.Time
	closed bool
}

// open connects, if there is no connection. One that has not been used for long may
// have been closed by the server.
func (h *httpConn) open(ctx context.Context) (*stream, error) {
	h.mu.Lock()
	s := h.stream
	if s != nil && time.Since(h.last) > time.Second && s.hasEnded() {
		h.dropLocked()
		s = nil
	}
	h.mu.Unlock()
	if s != nil {
		return s, nil
	}
	conn, err := h.dial(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = conn.Close()
		return nil, ErrClosed
	}
	h.stream, h.last = &stream{conn: conn}, time.Now()
	return h.stream, nil
}

// hasEnded reports whether the end of a connection has arrived on which nothing is
// expected.
func (s *stream) hasEnded() bool {
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	defer func() { _ = s.conn.SetReadDeadline(time.Time{}) }()
	n, err := s.conn.Read(make([]byte, 1))
	return n > 0 || !errors.Is(err, os.ErrDeadlineExceeded)
}

func (h *httpConn) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.dropLocked()
}

func (h *httpConn) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked()
}

func (h *httpConn) dropLocked() {
	if h.stream != nil {
		_ = h.stream.conn.Close()
		h.stream = nil
	}
}

// do sends a request and returns the body of its answer, which must have status 200.
// It is valid until the next do.
func (h *httpConn) do(ctx context.Context, request []byte) ([]byte, error) {
	s, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	body, err := s.exchange(request, h.drop)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = time.Now()
	return body, err
}

// exchange calls last if the server closes the connection after it.
func (s *stream) exchange(request []byte, last func()) (body []byte, err error) {
	if _, err := s.conn.Write(request); err != nil {
		return nil, err
	}
	r, err := s.readHead()
	if err != nil {
		return nil, err
	}
	if r.length < 0 {
		return nil, errors.New("testclient: a response that does not say its length")
	}
	if strings.EqualFold(r.field("connection"), "close") {
		defer last()
	}
	for len(s.rest()) < r.length {
		if err := s.fill(); err != nil {
			return nil, fmt.Errorf("testclient: in the middle of a response: %w", err)
		}
	}
	body = s.rest()[:r.length]
	s.use(r.length)
	if r.status != 200 {
		return nil, &StatusError{Status: r.status, Body: string(body)}
	}
	return body, nil
}

// A StatusError is an answer that refuses a request.
type StatusError struct {
	Status int
	Body   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("testclient: the server answered %d %.200q", e.Status, e.Body)
}
