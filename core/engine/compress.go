package engine

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"sync"
)

// What a poll's answer is compressed with, in order of preference. HTTP's deflate
// is zlib's format (RFC 9110, section 8.4.1.2).
var compressors = []struct {
	name string
	pool sync.Pool
}{
	{"gzip", sync.Pool{New: func() any { return gzip.NewWriter(nil) }}},
	{"deflate", sync.Pool{New: func() any { return zlib.NewWriter(nil) }}},
}

type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// compress compresses the reply's body if it is long enough and the client
// accepts it.
func (s *Server) compress(reply *Reply, r *Request) {
	if s.cfg.HTTPCompression.Disabled || len(reply.Body) < s.cfg.HTTPCompression.Threshold {
		return
	}
	reply.Header.Add("Vary", "Accept-Encoding")
	for i := range compressors {
		if c := &compressors[i]; accepts(r.Header, c.name) {
			w := c.pool.Get().(compressor)
			defer c.pool.Put(w)
			var out bytes.Buffer
			w.Reset(&out)
			_, _ = w.Write(reply.Body) // a buffer takes everything
			_ = w.Close()
			reply.Body = out.Bytes()
			reply.Header.Set("Content-Encoding", c.name)
			return
		}
	}
}

// accepts reports whether the client accepts an encoding: it is listed, and not
// with a weight of zero.
func accepts(h Header, encoding string) bool {
	for _, list := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(list, ",") {
			name, weight, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(name), encoding) {
				weight = strings.TrimPrefix(strings.TrimSpace(weight), "q=")
				return strings.Trim(weight, "0.") != "" || weight == ""
			}
		}
	}
	return false
}
