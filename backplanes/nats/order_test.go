package nats_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/faultproxy"
)

// A connection that breaks in the middle of many messages does not change their order.
func TestOrderWhereTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	plane := func(c nats.Config) backplane.Backplane { return nats.JetStream(small(c)) }
	a, b, w := through(t, start(t, embedded.Config{Listen: "127.0.0.1:0", Dir: t.TempDir()}), plane)
	random := rand.New(rand.NewPCG(1, 2))
	next := 0
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); {
		for range 300 {
			publish(t, b, broadcast(fmt.Sprint(next), false))
			next++
		}
		time.Sleep(time.Duration(random.Int64N(int64(3 * time.Millisecond))))
		for _, c := range w.Conns() {
			c.Do(faultproxy.Reset)
		}
		time.Sleep(400 * time.Millisecond)
	}
	eventually(t, "the last has come", func() bool { return slices.Contains(a.texts(b.ID()), fmt.Sprint(next-1)) })
	got := a.texts(b.ID())
	for i, text := range got {
		if n, _ := strconv.Atoi(text); n != i {
			t.Fatalf("%d came at place %d of %d, behind %s", n, i, next, got[max(0, i-1)])
		}
	}
	if len(got) != next {
		t.Errorf("%d came, of %d", len(got), next)
	}
}
