package websocket

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/race"
)

func TestAllocations(t *testing.T) {
	if race.Enabled {
		return // the detector makes pools forget
	}
	nop := func(bool, []byte) error { return nil }
	batch := bytes.Repeat(testFrame(text, strings.Repeat("x", 100)), 10)
	wide := bytes.Repeat(testFrame(bin, strings.Repeat("x", 2000)), 3)
	small := frames("a", "b", strings.Repeat("c", 300), "d")
	big := []*engine.Frame{engine.BinaryFrame(make([]byte, 2*bufferSize)), engine.BinaryFrame(nil)}

	read := func(messages []byte) func(t *testing.T) func() {
		return func(t *testing.T) func() {
			ours, peer := dialTCP(t)
			c := New(ours, nil, Config{})
			return func() {
				peer.Write(messages)
				c.ReadMessages(nop)
			}
		}
	}
	write := func(fs []*engine.Frame) func(t *testing.T) func() {
		return func(t *testing.T) func() {
			ours, peer := dialTCP(t)
			c := New(ours, nil, Config{})
			size := 0
			for _, f := range fs {
				size += len(f.WebSocket())
			}
			sink := make([]byte, size)
			return func() {
				c.WriteFrames(fs)
				io.ReadFull(peer, sink)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) func()
	}{
		{"read one", read(batch[:len(batch)/10])},
		{"read ten", read(batch)},
		{"read wide", read(wide)},
		{"write one", write(small[:1])},
		{"write four", write(small)},
		{"write a big one", write(big)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(500, tt.start(t)); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
		})
	}
}
