package nats_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
)

// A message that the server will never take does not hold up those behind it, whoever
// finds out that it is too long.
func TestTooLongToBeKept(t *testing.T) {
	t.Parallel()
	t.Run("with a long header", func(t *testing.T) {
		t.Parallel()
		server := start(t, embedded.Config{MaxPayload: 10_000, Dir: t.TempDir()})
		c := small(server.Config())
		c.Stream = strings.Repeat("s", 200)
		a, b := join(t, nats.JetStream(c), "/"), join(t, nats.JetStream(c), "/")
		sent := 0
		for size := 9_400; size < 10_000; size += 10 {
			if a.Publish(broadcast(strings.Repeat("x", size), false)) == nil {
				sent++
			}
		}
		if sent == 0 || sent == 60 {
			t.Errorf("%d are taken", sent)
		}
		publish(t, a, broadcast("next", false))
		eventually(t, "the next came", func() bool { return slices.Contains(b.texts(a.ID()), "next") })
		if n := len(b.texts(a.ID())); n != sent+1 || a.saw(backplane.Gap) > 0 {
			t.Errorf("%d of %d came, %d gaps", n-1, sent, a.saw(backplane.Gap))
		}
	})
	t.Run("for the server that is back", func(t *testing.T) {
		t.Parallel()
		c := embedded.Config{Listen: addresses(t, 1)[0], Dir: t.TempDir(), MaxPayload: 100_000}
		server := start(t, c)
		plane := nats.JetStream(small(nats.Config{URL: server.URL()}))
		a, b := join(t, plane, "/"), join(t, plane, "/")
		_ = server.Close()
		waiting(t, a, b, func() {
			c.MaxPayload = 20_000
			start(t, c)
		})
	})
	t.Run("for the stream", func(t *testing.T) {
		t.Parallel()
		server := start(t, embedded.Config{Listen: "127.0.0.1:0", Dir: t.TempDir()})
		plane := nats.JetStream(small(server.Config()))
		a, b := join(t, plane, "/"), join(t, plane, "/")
		nc, err := natsgo.Connect(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(t.Context(), "socket_io")
		if err != nil {
			t.Fatal(err)
		}
		waiting(t, a, b, func() {
			limited := s.CachedInfo().Config
			limited.MaxMsgSize = 20_000
			if _, err := js.UpdateStream(t.Context(), limited); err != nil {
				t.Fatal(err)
			}
			publish(t, a, broadcast(strings.Repeat("z", 30_000), false))
		})
	})
}

// waiting publishes while nothing is kept, or before it is: a long message among short
// ones. Then less is taken.
func waiting(t *testing.T, a, b *host, less func()) {
	t.Helper()
	var want []string
	say := func(n int) {
		for range n {
			want = append(want, fmt.Sprint(len(want)))
			publish(t, a, broadcast(want[len(want)-1], false))
		}
	}
	say(3)
	publish(t, a, broadcast(strings.Repeat("y", 50_000), false))
	less()
	say(3)
	eventually(t, "all that are not too long came", func() bool {
		got := slices.DeleteFunc(b.texts(a.ID()), func(text string) bool { return len(text) > 100 })
		return slices.Equal(got, want)
	})
	eventually(t, "the loss is told", func() bool { return a.saw(backplane.Gap) > 0 })
}
