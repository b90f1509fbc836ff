package websocket

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/kawat-go/kawat/core/engine"
)

// The compressor is klauspost's: it takes less time and memory than the standard
// library's, and fasthttp links it anyway.

// flushTail ends a flushed block; a sender leaves it away (RFC 7692, section
// 7.2.1). The receiver puts it back, with a final block behind it so that the
// decompressor knows the end.
const (
	flushTail = "\x00\x00\xff\xff"
	finalTail = flushTail + "\x01\x00\x00\xff\xff"
)

// keepInflated is the largest buffer that an idle inflater keeps.
const keepInflated = 64 << 10

type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := new(deflater)
	d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // fails for unknown levels only
	return d
}}

// deflateText and deflateBinary return a whole compressed frame of a server, or
// nil if compression makes it no smaller.
func deflateText(payload []byte) []byte { return deflateFrame(finBit|byte(opText), payload) }

func deflateBinary(payload []byte) []byte { return deflateFrame(finBit|byte(opBinary), payload) }

func deflateFrame(first byte, payload []byte) []byte {
	// The header's size depends on a length that is not known yet.
	b := deflate(make([]byte, maxHeader), payload)
	if b == nil {
		return nil
	}
	var buf [maxHeader]byte
	h := appendHeader(buf[:0], first|rsv1Bit, len(b)-maxHeader, false, 0)
	start := maxHeader - len(h)
	copy(b[start:], h)
	return b[start:]
}

// deflate appends the compressed payload, as a message carries it, or returns nil
// if it is no smaller.
func deflate(dst, payload []byte) []byte {
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.out.Reset()
	d.w.Reset(&d.out)
	_, _ = d.w.Write(payload) // a bytes.Buffer takes everything
	_ = d.w.Flush()
	small := bytes.TrimSuffix(d.out.Bytes(), []byte(flushTail))
	if d.out.Cap() > keepInflated {
		d.out = bytes.Buffer{}
	}
	if len(small) >= len(payload) {
		return nil
	}
	return append(dst, small...)
}

// An inflater decompresses one message at a time.
type inflater struct {
	src inflateSource
	r   io.ReadCloser
	out []byte
}

var inflaters = sync.Pool{New: func() any {
	z := new(inflater)
	z.r = flate.NewReader(&z.src)
	return z
}}

// inflate returns what the compressed payload makes, valid until free. It never
// makes more than one byte over limit.
func (z *inflater) inflate(payload []byte, limit int) ([]byte, *engine.ConnError) {
	z.src = inflateSource{head: payload, tail: finalTail}
	_ = z.r.(flate.Resetter).Reset(&z.src, nil) // never fails
	z.out = z.out[:0]
	for {
		if len(z.out) == cap(z.out) {
			z.out = append(z.out, make([]byte, max(bufferSize, len(z.out)))...)[:len(z.out)]
		}
		n, err := z.r.Read(z.out[len(z.out):min(cap(z.out), limit+1)])
		z.out = z.out[:len(z.out)+n]
		switch {
		case len(z.out) > limit:
			return nil, tooBig()
		case err == io.EOF && z.src.ended():
			return z.out, nil
		case err != nil:
			return nil, &engine.ConnError{Code: codeInvalidPayload, Reason: "corrupt compressed data"}
		}
	}
}

// free makes the inflater another message's.
func (z *inflater) free() {
	z.src = inflateSource{}
	if cap(z.out) > keepInflated {
		z.out = nil
	}
	inflaters.Put(z)
}

// inflateSource reads a payload and the tail behind it. It reads byte by byte so
// that the decompressor takes no more than it needs.
type inflateSource struct {
	head []byte
	tail string
}

// ended reports whether the payload was used up, but for the empty block that a
// sender puts behind a final one (RFC 7692, section 7.2.3.4). Data behind that
// must not be lost silently.
func (s *inflateSource) ended() bool {
	return len(s.head) == 0 || len(s.head) == 1 && s.head[0] == 0
}

func (s *inflateSource) ReadByte() (b byte, err error) {
	switch {
	case len(s.head) > 0:
		b, s.head = s.head[0], s.head[1:]
	case s.tail != "":
		b, s.tail = s.tail[0], s.tail[1:]
	default:
		err = io.EOF
	}
	return b, err
}

func (s *inflateSource) Read(p []byte) (n int, err error) {
	if len(s.head) > 0 {
		n = copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	if s.tail == "" {
		return 0, io.EOF
	}
	n = copy(p, s.tail)
	s.tail = s.tail[n:]
	return n, nil
}
