package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/faultproxy"
	"github.com/kawat-go/kawat/internal/testservers"
)

// While a node is cut off, its clients get what it says at once, and nothing is lost
// to anybody.
func TestStreamsCut(t *testing.T) {
	for name, action := range map[string]faultproxy.Action{"reset": faultproxy.Reset, "silent": faultproxy.Vanish} {
		t.Run(name, func(t *testing.T) {
			proxy := proxied(t, server)
			c := streamsConfig(t)
			cut := c.at(t, proxy.Addr())
			cut.EchoPatience = 0 // the default
			a, b := joinStreams(t, cut, nil), joinStreams(t, c, nil)
			said := a.say(3)
			b.wants(said)
			a.wants(said)
			for round := range 2 {
				for _, conn := range proxy.Conns() {
					conn.Do(action)
				}
				said = append(said, a.say(10)...)
				a.wants(said) // whatever it is with the link
				if name == "reset" && round == 0 {
					continue // while it is being connected
				}
				b.wants(said)
				said = append(said, b.say(1)...)
				a.wants(said)
			}
			b.wants(said)
			if got := stored(t, c.Client, c.StreamName); !slices.Equal(got, dataOf(said)) {
				t.Errorf("stored %q", got)
			}
			if gaps := append(a.seen.observed(backplane.Gap), b.seen.observed(backplane.Gap)...); len(gaps) > 0 {
				t.Errorf("gaps: %+v", gaps)
			}
			if len(a.seen.observed(backplane.Down)) == 0 || len(a.seen.observed(backplane.Down))-len(a.seen.observed(backplane.Up)) > 1 {
				t.Errorf("%+v", a.seen.events)
			}
		})
	}
}

// dataOf returns the data of the entries that events become.
func dataOf(events []string) (all []string) {
	for _, e := range events {
		all = append(all, `{"packet":{"type":2,"data":`+e+`},"opts":{"rooms":[],"except":[],"flags":{}}}`)
	}
	return all
}

// Entries are written of which the writer never hears: they are not written again.
func TestStreamsAnswerLost(t *testing.T) {
	proxy := proxied(t, server)
	c := streamsConfig(t)
	a, b := joinStreams(t, c.at(t, proxy.Addr()), nil), joinStreams(t, c, nil)
	said := a.say(1)
	a.wants(said)
	conn := writerConn(t, proxy, func() { said = append(said, a.say(100)...) })
	a.wants(said)
	conn.Set(faultproxy.Plan{Down: faultproxy.Way{Delay: time.Hour}})
	for range 3 {
		said = append(said, a.say(5)...)
	}
	eventually(t, "the first of them", func() bool { return len(b.seen.received()) > 101 }) // and nobody says so
	conn.Do(faultproxy.Reset)
	said = append(said, a.say(1)...) // behind what is tried again
	b.wants(said)
	a.wants(said)
	if got := stored(t, c.Client, c.StreamName); !slices.Equal(got, dataOf(said)) {
		t.Errorf("stored %d, want %d", len(got), len(said))
	}
}

// What was written twice all the same is read once, also by who comes back.
func TestStreamsRepeats(t *testing.T) {
	c := streamsConfig(t)
	a := joinStreams(t, c, nil)
	ctx := context.Background()
	write := func(uid, number, text string) {
		t.Helper()
		args := c.entries().command(c.StreamName, 1000, draft{
			kind: backplane.Broadcast, from: uid, namespace: streamsNamespace, number: number, data: []byte(dataOf([]string{`["` + text + `"]`})[0]),
		})
		if err := c.Client.Do(ctx, args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	start := a.Head(streamsNamespace)
	for _, w := range [][3]string{
		{"node", "1", "1"}, {"node", "2", "2"}, {"node", "1", "1"}, {"node", "2", "2"}, {"node", "3", "3"}, {"other", "1", "4"},
		{"emitter", "x.1", "5"}, {"emitter", "y.1", "6"}, {"emitter", "x.1", "5"}, {"emitter", "x.2", "7"},
		{"Node's", "", "8"}, {"Node's", "", "8"}, {"Node's", "?", "8"},
	} {
		write(w[0], w[1], w[2])
	}
	want := []string{`["1"]`, `["2"]`, `["3"]`, `["4"]`, `["5"]`, `["6"]`, `["7"]`, `["8"]`, `["8"]`, `["8"]`}
	a.wants(want)
	session := backplane.Session{Namespace: streamsNamespace, ID: "id", PID: "pid"}
	if err := a.SaveSession(ctx, session, time.Minute); err != nil {
		t.Fatal(err)
	}
	_, missed, err := a.RestoreSession(ctx, streamsNamespace, "pid", start)
	var got []string
	for _, m := range missed {
		got = append(got, string(m.Data.JSON))
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("missed %q, %v", got, err)
	}
}

// A server that stands still holds up nobody, and has everything in the end.
func TestStreamsPaused(t *testing.T) {
	own := testservers.StartRedis(t)
	c := streamsOn(t, own.Addr())
	c.EchoPatience = 0
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	said := a.say(3)
	b.wants(said)
	own.Pause()
	defer own.Resume()
	more := append(slices.Clone(said), a.say(5)...)
	a.wants(more)
	for _, m := range a.seen.received()[3:] {
		if !m.Offset.IsZero() || m.Note == nil || m.From != a.ID() {
			t.Errorf("%+v", m)
		}
	}
	own.Resume()
	b.wants(more)
	if got := stored(t, c.Client, c.StreamName); !slices.Equal(got, dataOf(more)) {
		t.Errorf("stored %q", got)
	}
}

// A server that is started anew without its data: what comes then is heard, the gap is
// told, and who came before it cannot go on.
func TestStreamsLost(t *testing.T) {
	own := testservers.StartRedis(t)
	c := streamsOn(t, own.Addr())
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	said := a.say(3)
	b.wants(said)
	before := b.Head(streamsNamespace)
	if err := errors.Join(own.Lose(), own.Start()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the gap", func() bool { return len(b.seen.observed(backplane.Gap)) > 0 && len(a.seen.observed(backplane.Gap)) > 0 })
	said = append(said, a.say(3)...)
	b.wants(said)
	ctx := context.Background()
	save := func() {
		t.Helper()
		if err := a.SaveSession(ctx, backplane.Session{Namespace: streamsNamespace, ID: "id", PID: "pid"}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	save()
	if _, _, err := b.RestoreSession(ctx, streamsNamespace, "pid", before); err != backplane.ErrNoSession {
		t.Errorf("from before: %v", err)
	}
	save()
	if _, missed, err := b.RestoreSession(ctx, streamsNamespace, "pid", b.seen.received()[3].Offset); err != nil || len(missed) != 2 {
		t.Errorf("missed %v, %v", missed, err)
	}
}

// A server that is started anew with its data has lost nothing.
func TestStreamsRestarted(t *testing.T) {
	own := testservers.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	c := streamsOn(t, own.Addr())
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	said := a.say(3)
	b.wants(said)
	own.Stop()
	eventually(t, "the cut", a.stream(c.StreamName).cut)
	hasty := event(streamsNamespace, "not worth waiting for")
	hasty.Options.Flags.Volatile = true
	if err := a.Publish(hasty); err != nil {
		t.Error(err)
	}
	said = append(said, a.say(3)...)
	a.wants(said)
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	b.wants(said)
	for _, m := range []*streamsMember{a, b} {
		if gaps := m.seen.observed(backplane.Gap); len(gaps) > 0 {
			t.Errorf("gaps: %+v", gaps)
		}
	}
}

// A reader that is far behind is told that it has missed something.
func TestStreamsFarBehind(t *testing.T) {
	c := streamsConfig(t)
	c.MaxLen, c.ReadCount = 100, 50
	var once sync.Once
	busy, release := make(chan struct{}), make(chan struct{})
	a := joinStreams(t, c, nil)
	b := joinStreams(t, c, func(backplane.Message) {
		once.Do(func() {
			close(busy)
			<-release
		})
	})
	first := a.say(1)
	<-busy
	said := a.say(1000)
	a.wants(append(first, said...))
	close(release)
	last := said[len(said)-1]
	eventually(t, "the last one", func() bool { return slices.Contains(b.seen.texts(), last) })
	gaps := b.seen.observed(backplane.Gap)
	if len(gaps) == 0 || gaps[0].Lost != -1 || !strings.Contains(fmt.Sprint(gaps[0].Err), "MaxLen") {
		t.Errorf("gaps: %+v", gaps)
	}
	if n := len(b.seen.received()); n == 1001 {
		t.Error("nothing was missed")
	}
}

// What the queue has no room for is refused, and told.
func TestStreamsFull(t *testing.T) {
	own := testservers.StartRedis(t)
	c := streamsOn(t, own.Addr())
	c.MaxQueuedMessages, c.EchoPatience = 10, 0
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	own.Stop()
	said := a.say(10)
	for range 5 {
		if err := a.Publish(event(streamsNamespace, "too much")); err != backplane.ErrQueueFull {
			t.Errorf("%v", err)
		}
	}
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	b.wants(said)
	eventually(t, "the gap", func() bool {
		return slices.ContainsFunc(a.seen.observed(backplane.Gap), func(e backplane.Event) bool { return e.Lost == 5 })
	})
}
