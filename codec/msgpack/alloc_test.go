package msgpack

import (
	"runtime"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/internal/race"
)

// TestAllocations holds the budgets of the hot path, beyond the slice of the
// arguments and the boxing of its values.
func TestAllocations(t *testing.T) {
	dst := make([]byte, 0, 4096)
	encode := func(args ...any) func() {
		p := event("chat", args...)
		return func() { _, _ = Codec().Encode(dst, p) }
	}
	d := Codec().NewDecoder(packet.Limits{})
	decode := func(p packet.Outgoing) func() {
		message := mustEncode(t, p)
		return func() { _, _, _ = d.Add(message, true) }
	}
	text := map[string]any{"room": "a", "text": "hello"}
	args := through(t, Codec(), text)
	var m chatMessage
	for _, c := range []struct {
		name   string
		budget float64
		run    func()
	}{
		{"encode a string", 0, encode("hello")},
		{"encode numbers", 0, encode(1, int64(2), true, nil, 1.5)},
		{"encode a map", 0, encode(text)},
		{"encode binary", 0, encode([]byte("hello"))},
		{"encode a struct", 1, encode(chatMessage{"a", "hello"})},
		{"encode a pointer", 0, encode(&chatMessage{"a", "hello"})},
		{"decode CONNECT", 0, decode(packet.Outgoing{Type: packet.Connect})},
		{"decode a name", 0, decode(event("chat"))},
		{"decode one argument", 2, decode(event("chat", text))},
		{"decode three arguments", 2, decode(event("chat", "a", text, 3))},
		{"bind", 0, func() { m = chatMessage{}; _ = args.Bind(0, &m) }},
	} {
		c.run() // fills pools and caches
		if race.Enabled {
			continue // the detector makes sync.Pool forget
		}
		if got := testing.AllocsPerRun(200, c.run); got > c.budget {
			t.Errorf("%s: %v allocations, budget %v", c.name, got, c.budget)
		}
	}
	_ = m
}

// TestIdleDecoder holds what a connection pays for its decoder while nothing
// happens, with the names of its last packets still in it, unless they are long.
func TestIdleDecoder(t *testing.T) {
	const n, budget = 10_000, 160
	decoders := make([]packet.Decoder, n)
	short := mustEncode(t, packet.Outgoing{Type: packet.Event, Namespace: "/chat", ID: -1, Event: "message"})
	long := mustEncode(t, packet.Outgoing{Type: packet.Event, Namespace: "/" + strings.Repeat("n", 500), ID: -1, Event: strings.Repeat("e", 500)})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range decoders {
		decoders[i] = Codec().NewDecoder(packet.Limits{})
		_, _, _ = decoders[i].Add(short, true)
		_, _, _ = decoders[i].Add(long, true)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > budget {
		t.Errorf("%d bytes each, budget %d", each, budget)
	}
	runtime.KeepAlive(decoders)
}
