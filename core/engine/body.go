package engine

import (
	"errors"
	"io"
	"slices"
	"sync"
)

// bodies keeps buffers that POST bodies are read into. Receivers use what is in them
// during their calls only.
var bodies = sync.Pool{New: func() any {
	buf := make([]byte, 0, 1<<10)
	return &buf
}}

// maxPooledBody keeps the pool from holding on to the buffers of rare large bodies.
const maxPooledBody = 16 << 10

func release(buf *[]byte) {
	if cap(*buf) <= maxPooledBody {
		bodies.Put(buf)
	}
}

// readBody reads the request's body into the buffer, or fails: a part of a body is
// never used.
func (s *Session) readBody(r *Request, buf *[]byte) ([]byte, error) {
	body, err := s.readWhole(r, buf)
	if s.bodyRead() && err == nil {
		err = errInterrupted
	}
	return body, err
}

// errInterrupted says that a session has ended while a body was read, to its end
// perhaps. Its connection is of no use any more: see limitedBody.done.
var errInterrupted = errors.New("the session has ended")

func (s *Session) readWhole(r *Request, buf *[]byte) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	limit := s.server.cfg.MaxPayload
	body, err := readAll(r.Body, (*buf)[:0], limit+1)
	*buf = body
	switch {
	case err != nil:
		return nil, err
	case int64(len(body)) > limit:
		return nil, ErrTooLarge
	case r.ContentLength >= 0 && int64(len(body)) != r.ContentLength:
		return nil, io.ErrUnexpectedEOF
	}
	return body, nil
}

// readAll reads up to limit bytes into buf, which grows as they come: what a client
// says about their number costs nothing yet.
func readAll(r io.Reader, buf []byte, limit int64) ([]byte, error) {
	for int64(len(buf)) < limit {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 1)
		}
		n, err := r.Read(buf[len(buf):min(int64(cap(buf)), limit)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}
