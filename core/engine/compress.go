package engine

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
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
	reply.own()
	reply.Header.Add("Vary", "Accept-Encoding")
	wanted := r.AcceptsEncoding("gzip", "deflate")
	for i := range compressors {
		if c := &compressors[i]; c.name == wanted {
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
