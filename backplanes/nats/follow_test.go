package nats_test

import (
	"slices"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
)

// A node whose connection was cut follows the stream anew as soon as it is back: the
// server may be another one, which would be found out by its silence only.
func TestFollowedAnew(t *testing.T) {
	t.Parallel()
	server := start(t, embedded.Config{Listen: "127.0.0.1:0", Dir: t.TempDir()})
	a, b, w := through(t, server, func(c nats.Config) backplane.Backplane { return nats.JetStream(patient(c)) })
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
	names := func() (all []string) {
		for name := range s.ConsumerNames(t.Context()).Name() {
			all = append(all, name)
		}
		return all
	}
	var before []string
	eventually(t, "both follow", func() bool { before = names(); return len(before) == 2 })
	w.set(false) // resets
	eventually(t, "b is back", func() bool { return b.saw(backplane.Up) == 1 })
	eventually(t, "b follows anew", func() bool {
		return slices.ContainsFunc(names(), func(name string) bool { return !slices.Contains(before, name) })
	})
	publish(t, a, broadcast("1", false))
	publish(t, b, broadcast("2", false))
	eventually(t, "all came", func() bool {
		return slices.Equal(b.texts(a.ID()), []string{"1"}) && slices.Equal(a.texts(b.ID()), []string{"2"})
	})
	if n := a.saw(backplane.Gap) + b.saw(backplane.Gap); n > 0 {
		t.Errorf("%d gaps", n)
	}
}
