package postgres

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// counting returns a host that counts what comes.
func counting(count *atomic.Int64) backplane.Host {
	return backplane.Host{
		Receive: func(m backplane.Message) {
			if m.Kind == backplane.Broadcast {
				count.Add(1)
			}
		},
		Relay: func(string, []byte) {}, Left: func(string) {}, Observe: func(backplane.Event) {},
		Logger: slog.New(slog.DiscardHandler),
	}
}

// linked returns two nodes that know each other.
func linked(b *testing.B) (from, to backplane.Node, count *atomic.Int64) {
	b.Helper()
	c := apart(b)
	count = new(atomic.Int64)
	from, err := New(c).Join(b.Context(), counting(new(atomic.Int64)))
	if err != nil {
		b.Fatal(err)
	}
	to, err = New(c).Join(b.Context(), counting(count))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = from.Close(), to.Close() })
	from.Open("/")
	to.Open("/")
	until(b, "they know each other", func() bool {
		p, _ := from.Peers(b.Context(), "/")
		q, _ := to.Peers(b.Context(), "/")
		return p.Count == 1 && q.Count == 1
	})
	return from, to, count
}

func awaits(b *testing.B, count *atomic.Int64, n int64) {
	for deadline := time.Now().Add(waitFor); count.Load() < n; time.Sleep(20 * time.Microsecond) {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d came", count.Load(), n)
		}
	}
}

// What a broadcast to another node costs, as many at a time as there are, and one by
// one: that is how long it takes.
func BenchmarkBroadcast(b *testing.B) {
	for _, kind := range []struct {
		name    string
		message backplane.Message
	}{
		{"100 bytes", event("/", `["event","`+strings.Repeat("x", 100)+`"]`)},
		{"5000 bytes", event("/", `["event","`+strings.Repeat("x", 5000)+`"]`)},
		{"binary of 100 bytes", event("/", `["event",{"_placeholder":true,"num":0}]`, make([]byte, 100))},
	} {
		for _, window := range []int64{1, 500} {
			b.Run(fmt.Sprintf("%s, %d at a time", kind.name, window), func(b *testing.B) {
				from, _, count := linked(b)
				b.ResetTimer()
				for i := range int64(b.N) {
					if err := from.Publish(kind.message); err != nil {
						b.Fatal(err)
					}
					awaits(b, count, i+1-window+1)
				}
				awaits(b, count, int64(b.N))
			})
		}
	}
}
