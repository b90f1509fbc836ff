package wire

import (
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/race"
)

func chat() backplane.Message {
	return backplane.Message{
		Kind: backplane.Broadcast, From: "0123456789abcdef", Namespace: "/",
		Options: backplane.Options{Rooms: []string{"room1"}},
		Data:    text(`["chat",{"room":"a","text":"` + strings.Repeat("hello ", 15) + `","n":12345,"list":[1,2,3,true,null]}]`),
	}
}

func withBinary() backplane.Message {
	m := chat()
	m.Data = text(binaryText, strings.Repeat("x", 1000))
	return m
}

var benchmarks = []struct {
	name    string
	message func() backplane.Message
	encode  func([]byte, backplane.Message) ([]byte, error)
	budgets [2]float64 // allocations to encode, and to decode
}{
	{"json", chat, AppendJSON, [2]float64{0, 3}},
	{"msgpack", chat, AppendMsgpack, [2]float64{0, 4}},
	{"binary", withBinary, AppendMsgpack, [2]float64{0, 5}},
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range benchmarks {
		b.Run(c.name, func(b *testing.B) {
			m, dst := c.message(), make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.encode(dst, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range benchmarks {
		b.Run(c.name, func(b *testing.B) {
			message, _ := c.encode(nil, c.message())
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(message, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAllocations holds the budgets of the hot path: to decode, the sender, the rooms and
// a room's name; of MessagePack the text, and the list of attachments.
func TestAllocations(t *testing.T) {
	for _, c := range benchmarks {
		m, dst := c.message(), make([]byte, 0, 4096)
		message, _ := c.encode(nil, m)
		for i, run := range []func(){func() { _, _ = c.encode(dst, m) }, func() { _, _ = Decode(message, Limits{}) }} {
			run() // fills pools
			if race.Enabled {
				continue // the detector makes sync.Pool forget
			}
			if got := testing.AllocsPerRun(200, run); got > c.budgets[i] {
				t.Errorf("%s, %d: %v allocations, budget %v", c.name, i, got, c.budgets[i])
			}
		}
	}
}
