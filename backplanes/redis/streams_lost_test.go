package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// wantsGap waits until a member is told of a gap.
func (m *streamsMember) wantsGap(what string) {
	m.t.Helper()
	eventually(m.t, "a gap: "+what, func() bool { return len(m.seen.observed(backplane.Gap)) > 0 })
}

// What somebody trims before it was read is told, and nobody goes on across it.
func TestStreamsTrimmedBeforeRead(t *testing.T) {
	c := streamsConfig(t)
	hold, held := make(chan struct{}), make(chan struct{}, 1)
	a := joinStreams(t, c, nil)
	b := joinStreams(t, c, func(m backplane.Message) {
		if string(m.Data.JSON) == `["hold"]` {
			held <- struct{}{}
			<-hold
		}
	})
	first := a.say(1)
	b.wants(first)
	start := b.seen.received()[0].Offset
	if err := a.Publish(event(streamsNamespace, "hold")); err != nil {
		t.Fatal(err)
	}
	<-held
	lost := a.say(20)
	a.wants(append(slices.Clone(first), lost...))
	ctx := context.Background()
	entries, err := c.Client.XRange(ctx, c.StreamName, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries[len(entries)-20:] {
		if err := c.Client.XDel(ctx, c.StreamName, e.ID).Err(); err != nil {
			t.Fatal(err)
		}
	}
	last := a.say(1)
	close(hold)
	b.wants([]string{first[0], `["hold"]`, last[0]})
	b.wantsGap("20 entries")
	if gaps := a.seen.observed(backplane.Gap); len(gaps) > 0 {
		t.Errorf("who has said it is told %+v", gaps)
	}
	session := backplane.Session{Namespace: streamsNamespace, ID: "id", PID: "pid"}
	if err := b.SaveSession(ctx, session, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, missed, err := b.RestoreSession(ctx, streamsNamespace, "pid", start); !errors.Is(err, backplane.ErrNoSession) {
		t.Errorf("a client goes on with %d messages: %v", len(missed), err)
	}
}

// A stream that is deleted begins anew before what was read, if the server's clock was
// set back in between: it is read again all the same.
func TestStreamsClockSetBack(t *testing.T) {
	c := streamsConfig(t)
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	said := a.say(1)
	b.wants(said)
	ctx := context.Background()
	ahead := uint64(time.Now().Add(time.Hour).UnixMilli())
	if err := c.Client.Do(ctx, "xadd", c.StreamName, fmt.Sprint(ahead, "-0"), "mark", "").Err(); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*streamsMember{a, b} {
		eventually(t, "the clock is an hour ahead", func() bool { return m.Head(streamsNamespace).Major == ahead })
	}
	if err := c.Client.Del(ctx, c.StreamName).Err(); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*streamsMember{a, b} {
		m.wantsGap("the stream is another one")
	}
	heard := func() bool {
		text := a.say(1)[0]
		for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
			if slices.Contains(b.seen.texts(), text) {
				return true
			}
		}
		return false
	}
	eventually(t, "a is heard again", heard)
}

// Nothing is taken for lost where nothing is: also what an emitter sends to several
// streams.
func TestStreamsNothingLost(t *testing.T) {
	c := streamsConfig(t)
	c.StreamCount, c.FixedHash = 4, true
	n := joinStreams(t, c, nil)
	e, err := NewStreamsEmitter(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	namespaces := []string{streamsNamespace, "/a", "/b", "/c", "/d"}
	for _, namespace := range namespaces {
		n.Open(namespace)
	}
	n.seen.settle()
	say := func() {
		t.Helper()
		for i := range 50 {
			m := event(namespaces[i%len(namespaces)], "x")
			if err := errors.Join(e.Publish(m), n.Publish(m)); err != nil {
				t.Fatal(err)
			}
		}
	}
	say()
	eventually(t, "all came", func() bool { return len(n.seen.received()) == 50 })
	late := joinStreams(t, c, nil) // for whom it begins in the middle
	say()
	eventually(t, "all came", func() bool { return len(n.seen.received()) == 100 && len(late.seen.received()) == 20 })
	for _, m := range []*streamsMember{n, late} {
		if gaps := m.seen.observed(backplane.Gap); len(gaps) > 0 {
			t.Errorf("gaps: %+v", gaps)
		}
	}
}
