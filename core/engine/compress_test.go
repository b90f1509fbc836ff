package engine_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

func TestCompression(t *testing.T) {
	long := strings.Repeat("x", 1023) // with the packet's digit, just long enough
	for name, c := range map[string]struct {
		cfg      engine.Compression
		accept   string
		text     string
		plain    bool // some message must not be compressed
		encoding string
	}{
		"gzip":            {engine.Compression{}, "gzip", long, false, "gzip"},
		"deflate":         {engine.Compression{}, "deflate", long, false, "deflate"},
		"both":            {engine.Compression{}, "deflate, gzip", long, false, "gzip"},
		"browser":         {engine.Compression{}, "gzip, deflate, br, zstd", long, false, "gzip"},
		"weights":         {engine.Compression{}, "GZIP;q=0, deflate ; q=0.5", long, false, "deflate"},
		"weight of 0.000": {engine.Compression{}, "gzip;q=0.000", long, false, ""},
		"weight of 0.001": {engine.Compression{}, "gzip;q=0.001", long, false, "gzip"},
		"none accepted":   {engine.Compression{}, "", long, false, ""},
		"anything":        {engine.Compression{}, "*", long, false, "gzip"},
		"any but gzip":    {engine.Compression{}, "gzip;q=0, *", long, false, "deflate"},
		"not anything":    {engine.Compression{}, "*;q=0", long, false, ""},
		"only deflate":    {engine.Compression{}, "*;q=0, deflate", long, false, "deflate"},
		"deflate rather":  {engine.Compression{}, "gzip;q=0.5, deflate", long, false, "deflate"},
		"plain rather":    {engine.Compression{}, "identity, gzip;q=0.5", long, false, ""},
		"all but plain":   {engine.Compression{}, "identity;q=0, *", long, false, "gzip"},
		"not plain":       {engine.Compression{}, "identity;q=0", long, false, ""},
		"plain, short":    {engine.Compression{}, "identity;q=0, gzip", long[1:], false, ""},
		"parameters":      {engine.Compression{}, "gzip;a=b; Q=0 ,deflate;q=0.1", long, false, "deflate"},
		"no weight":       {engine.Compression{}, "gzip;q=x, deflate;q=2", long, false, ""},
		"negative weight": {engine.Compression{}, "gzip;q=-1", long, false, ""},
		"not a number":    {engine.Compression{}, "gzip;q=NaN", long, false, ""},
		"x-gzip":          {engine.Compression{}, "x-gzip, gzipped", long, false, ""},
		"brotli only":     {engine.Compression{}, "br, identity", long, false, ""},
		"too short":       {engine.Compression{}, "gzip", long[1:], false, ""},
		"threshold":       {engine.Compression{Threshold: 10}, "gzip", "123456789", false, "gzip"},
		"under threshold": {engine.Compression{Threshold: 10}, "gzip", "12345678", false, ""},
		"disabled":        {engine.Compression{Disabled: true}, "gzip", long, false, ""},
		"one not to be":   {engine.Compression{}, "gzip", long, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, engine.Config{HTTPCompression: c.cfg})
			client := h.connect()
			for range 2 { // the second time with a pooled compressor
				want := "4" + c.text
				_ = client.session.SendText(c.text)
				if c.plain {
					f := engine.BinaryFrame([]byte("secret"))
					_ = client.session.SendFrames(f.NoCompress())
					want += "\x1ebc2VjcmV0"
				}
				reply := do(h.Server, "GET", client.query(), "", "Accept-Encoding", c.accept)
				wantBody(t, "encoding", reply.Header.Get("Content-Encoding"), c.encoding)
				wantBody(t, "body", inflate(t, reply), want)
				if c.encoding != "" && reply.Header.Get("Vary") != "Accept-Encoding" {
					t.Error("caches are not told what the response depends on")
				}
			}
		})
	}
}

func inflate(t *testing.T, reply engine.Reply) string {
	var r io.Reader = bytes.NewReader(reply.Body)
	var err error
	switch reply.Header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
