package packet

import (
	"runtime"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/internal/race"
)

// TestAllocations holds the budgets of the hot path, beyond the slice of the
// arguments and the boxing of its values.
func TestAllocations(t *testing.T) {
	codec, dst := JSON(), make([]byte, 0, 1024)
	encode := func(args ...any) func() {
		p := event("chat", args...)
		return func() { _, _ = codec.Encode(dst, p) }
	}
	d := codec.NewDecoder(Limits{})
	decode := func(text string) func() {
		data := []byte(text)
		return func() { _, _, _ = d.Add(data, false) }
	}
	p := mustDecode(t, `2["chat",{"room":"a","text":"hello"}]`)
	var m chatMessage
	for _, c := range []struct {
		name   string
		budget float64
		run    func()
	}{
		{"encode a string", 0, encode("hello")},
		{"encode numbers", 0, encode(1, int64(2), true, nil)},
		{"encode a struct", 1, encode(chatMessage{"a", "hello"})},
		{"encode a pointer", 0, encode(&chatMessage{"a", "hello"})},
		{"encode a map", 7, encode(map[string]any{"room": "a", "text": "hello"})},
		{"encode binary", 3, encode([]byte("hello"))},
		{"decode CONNECT", 0, decode(`0`)},
		{"decode a name", 0, decode(`2["chat"]`)},
		{"decode one argument", 1, decode(`2["chat",{"room":"a","text":"hello"}]`)},
		{"decode three arguments", 2, decode(`2/chat,12["chat","a",{"text":"hello"},3]`)},
		{"decode an ack", 1, decode(`312["ok"]`)},
		{"bind", 0, func() { m = chatMessage{}; _ = p.Args.Bind(0, &m) }},
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
	decoders := make([]Decoder, n)
	long := []byte(`2/` + strings.Repeat("n", 500) + `,["` + strings.Repeat("e", 500) + `"]`)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range decoders {
		decoders[i] = JSON().NewDecoder(Limits{})
		_, _, _ = decoders[i].Add([]byte(`2/chat,["message",{"room":"a","text":"hello"}]`), false)
		_, _, _ = decoders[i].Add(long, false)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > budget {
		t.Errorf("%d bytes each, budget %d", each, budget)
	}
	runtime.KeepAlive(decoders)
}
