package engine_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// The header is checked against RFC 6455, section 5.2.
func TestFramesAreReadyForAWebSocket(t *testing.T) {
	for _, c := range []struct {
		length int
		header string
	}{
		{0, "\x82\x00"},
		{1, "\x82\x01"},
		{125, "\x82\x7d"},
		{126, "\x82\x7e\x00\x7e"},
		{65535, "\x82\x7e\xff\xff"},
		{65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
	} {
		data := bytes.Repeat([]byte("x"), c.length)
		f := engine.BinaryFrame(data)
		if !bytes.Equal(f.Payload(), data) || !f.Binary() || !f.Compress() {
			t.Errorf("%d bytes: payload of %d, binary %v", c.length, len(f.Payload()), f.Binary())
		}
		if got := string(f.WebSocket()); got != c.header+string(data) {
			t.Errorf("%d bytes: begins with %x, want %x", c.length, got[:len(c.header)], c.header)
		}
	}
	f := engine.MessageFrame(append(engine.FrameBuffer(3), "abc"...))
	if got := string(f.WebSocket()); got != "\x81\x044abc" || f.Binary() {
		t.Errorf("text: %x, binary: %v", got, f.Binary())
	}
	long := engine.MessageFrame(append(engine.FrameBuffer(0), strings.Repeat("x", 125)...))
	if got := string(long.WebSocket()[:5]); got != "\x81\x7e\x00\x7e4" {
		t.Errorf("text of 126 bytes begins with %x", got)
	}
}

func TestABinaryFrameHasItsOwnData(t *testing.T) {
	data := []byte("before")
	f := engine.BinaryFrame(data)
	copy(data, "after!")
	if got := string(f.Payload()); got != "before" {
		t.Errorf("payload %q", got)
	}
}

func TestAFrameIsDeflatedOnce(t *testing.T) {
	f := engine.BinaryFrame([]byte("x"))
	if f.NoCompress() != f || f.Compress() {
		t.Error("NoCompress does nothing")
	}
	calls := 0
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			got := f.Deflated(func(payload []byte) []byte { calls++; return append(payload, "!"...) })
			if string(got) != "x!" {
				t.Errorf("deflated to %q", got)
			}
		})
	}
	wg.Wait()
	if calls != 1 {
		t.Errorf("deflated %d times", calls)
	}
}
