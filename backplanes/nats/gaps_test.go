package nats

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/outbox"
)

// What is lost between servers, where nobody's connection is cut, is told.
func TestGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cut, gaps := quiet(t), false, 0
		b.joined = make(chan struct{})
		close(b.joined)
		b.host.Receive = func(backplane.Message) {}
		b.host.Observe = func(e backplane.Event) {
			if e.Kind == backplane.Gap && e.Lost == -1 {
				gaps++
			}
		}
		a := quiet(t)
		a.id = "00000000000000bb"
		_ = a.out.Close(context.Background())
		a.out = outbox.New(outbox.Config[item]{Send: func(_ context.Context, batch []item) (int, error) {
			for _, it := range batch {
				if !cut {
					b.received(it.subject, it.data)
				}
			}
			return len(batch), nil
		}})
		say := func() { a.say(state{}); synctest.Wait() }
		publish := func(namespace string, lost bool) {
			t.Helper()
			cut = lost
			m := backplane.Message{Kind: backplane.Broadcast, Namespace: namespace, Data: backplane.Data{JSON: []byte(`["x"]`)}}
			if err := a.Publish(m); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			cut = false
		}
		wants := func(what string, want int) {
			t.Helper()
			if gaps != want {
				t.Errorf("%s: %d gaps, not %d", what, gaps, want)
			}
			gaps = 0
		}
		publish("/", true)
		say() // who is there first counts nothing yet
		publish("/", true)
		say()
		wants("at the beginning", 0)
		time.Sleep(time.Second)
		say()
		for range 3 {
			publish("/", false)
			publish("/chat", false)
			publish("/nobody's", false)
		}
		a.Open("/")
		a.Open("/more") // is a message that is not counted
		say()
		say()
		wants("nothing is lost", 0)
		publish("/", false)
		publish("/chat", true)
		say()
		wants("one message", 1)
		publish("/", false)
		say()
		publish("/nobody's", true)
		say()
		wants("nothing that concerns it", 0)
		cut = true
		say()
		cut = false
		say()
		wants("a state", 1)
		publish("/new", true)
		b.Open("/new")
		synctest.Wait()
		say()
		publish("/new", true)
		say()
		wants("a namespace that is new", 0)
		time.Sleep(time.Second)
		say()
		publish("/new", true)
		say()
		wants("one that is not", 1)
		publish("/", true)
		b.up(time.Second)
		wants("its own connection", 1)
		say()
		wants("which is told once", 0)
		b.miss(a.id)
		b.gone(a.id)
		say()
		wants("taken for dead, and back", 1)
		b.gone(a.id)
		say()
		wants("which it is once", 0)
		time.Sleep(4 * heartbeat)
		b.mu.Lock()
		b.expire(time.Now())
		b.mu.Unlock()
		say()
		wants("not heard of for long", 1)
		b.up(time.Second)
		time.Sleep(time.Second)
		say()
		publish("/", true)
		say()
		wants("its own connection, and what is lost after it", 2)
	})
}

// Whoever meets a node asks for its state, so that it is not long until it counts.
func TestGapsAreCountedSoon(t *testing.T) {
	a, b := quiet(t), quiet(t)
	b.id = "00000000000000bb"
	said := make(chan item, 10)
	_ = b.out.Close(context.Background())
	b.out = outbox.New(outbox.Config[item]{Send: func(_ context.Context, batch []item) (int, error) {
		for _, it := range batch {
			said <- it
		}
		return len(batch), nil
	}})
	a.kawat[b.id] = &kin{names: make(map[string]bool)} // knows it, and says nothing soon
	hello := state{V: stateVersion, UID: a.id, Number: 7, Ask: true, Opened: slices.Collect(a.names)}
	hello.Count, hello.Digest = len(a.spaces), a.digest.String()
	data, err := json.Marshal(hello)
	if err != nil {
		t.Fatal(err)
	}
	for _, met := range []bool{true, false} {
		b.stated(data)
		a.stated((<-said).data)
		if a.met != met {
			t.Errorf("a says its state again: %v", a.met)
		}
		a.met = false
	}
}

// Nothing that others say makes a node remember more than it should.
func TestGapsBounded(t *testing.T) {
	n := quiet(t)
	for i := range mostCounted + 10 {
		n.spoke(string(rune(i)))
	}
	if len(n.spoken) != mostCounted {
		t.Errorf("%d namespaces", len(n.spoken))
	}
	for i := range mostMissing + 10 {
		n.miss(string(rune(i)))
	}
	if len(n.missing) != mostMissing {
		t.Errorf("%d nodes", len(n.missing))
	}
}
