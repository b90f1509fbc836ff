package socketio

import (
	"strings"
	"testing"
)

// An offset that is written is read as the same, and what is read was written so.
func FuzzOffset(f *testing.F) {
	f.Add(uint64(1), "AAAAAA00000001")
	f.Add(uint64(1)<<48-1, strings.Repeat("-", offsetLength))
	f.Add(uint64(64), "AAAAAA000000é")
	f.Add(uint64(0), "")
	f.Fuzz(func(t *testing.T, n uint64, text string) {
		n &= 1<<(6*numberLength) - 1
		e := newEpoch()
		written := make([]byte, offsetLength)
		e.put(written, n)
		if got, err := e.parse(string(written)); got != n || err != nil {
			t.Fatalf("%d is written %q and read as %d, %v", n, written, got, err)
		}
		if len(text) >= epochLength {
			e.name = text[:epochLength] // else it hardly ever is
		}
		got, err := e.parse(text)
		if err != nil {
			if got != 0 {
				t.Fatalf("%q is %d, and %v", text, got, err)
			}
			return
		}
		e.put(written, got)
		if string(written) != text {
			t.Fatalf("%q is read as %d, which is %q", text, got, written)
		}
	})
}
