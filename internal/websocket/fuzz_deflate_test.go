package websocket

import (
	"bytes"
	stdflate "compress/flate"
	"io"
	"strings"
	"testing"
)

// What is compressed is what is sent; and whatever is said to be compressed, no more
// of it is made than the limit and a byte, and what is made is what the standard
// library makes of it.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("hello hello hello"), 20)
	f.Add([]byte(squeeze(f, strings.Repeat("hello ", 100))), 600)
	f.Add([]byte(squeeze(f, strings.Repeat("hello ", 100))), 599)
	f.Add([]byte{}, 0)
	f.Add([]byte{0}, 1)
	f.Add([]byte("\x03\x00"), 1)                // a final block, and nothing behind it
	f.Add([]byte("\x03\x00\x00"), 1)            // with the empty block that must follow
	f.Add([]byte("\x03\x00more"), 1)            // with something else
	f.Add([]byte("\x00\x05\x00\xfa\xffhel"), 5) // cut off
	f.Add([]byte(squeeze(f, string(make([]byte, 100_000)))), 1000)
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		if limit < 0 || limit > 1<<16 {
			return
		}
		z := inflaters.Get().(*inflater)
		defer z.free()
		out, why := z.inflate(bytes.Clone(data), limit)
		want, err := io.ReadAll(io.LimitReader(stdflate.NewReader(strings.NewReader(string(data)+finalTail)), int64(limit)+1))
		switch {
		case len(want) > limit:
			if why == nil || why.Code != codeTooBig {
				t.Errorf("%q makes more than %d bytes: %v", data, limit, why)
			}
		case err != nil && why == nil:
			t.Errorf("%q is taken for %q: %v", data, out, err)
		case why == nil && !bytes.Equal(out, want):
			t.Errorf("%q is taken for %q, and means %q", data, out, want)
		}
		if cap(z.out) > 2*limit+4*bufferSize {
			t.Errorf("%d bytes for a limit of %d", cap(z.out), limit)
		}
		packed := deflate(nil, data)
		if packed == nil {
			return // no smaller
		}
		back, why := z.inflate(packed, len(data))
		if why != nil || !bytes.Equal(back, data) || len(packed) >= len(data) {
			t.Errorf("%q is compressed to %q, and comes back as %q: %v", data, packed, back, why)
		}
	})
}
