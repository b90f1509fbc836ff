package postgres

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// A record is what was handed over, in order.
type record struct {
	mu   sync.Mutex
	said []string
}

func (r *record) parcel(what string, wait <-chan struct{}) parcel {
	return parcel{size: 10, hand: func() {
		if wait != nil {
			<-wait
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said = append(r.said, what)
	}}
}

func (r *record) is(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.said, want) {
		t.Errorf("handed over: %q, want %q", r.said, want)
	}
}

func TestLanesKeepTheOrderOfASender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := newLanes(100, 1000), new(record)
		a, b := laneKey{"a", "/"}, laneKey{"b", "/"}
		first, second := make(chan struct{}), make(chan struct{})
		l.pass(a, r.parcel("a0", nil))
		l.fetch(a, r.parcel("a1", first))
		l.pass(a, r.parcel("a2", nil))
		l.fetch(a, r.parcel("a3", second))
		l.pass(a, r.parcel("a4", nil))
		l.pass(b, r.parcel("b0", nil))
		l.pass(laneKey{"a", "/other"}, r.parcel("a elsewhere", nil))
		r.is(t, "a0", "b0", "a elsewhere")
		l.after("b", func() { r.parcel("b is gone", nil).hand() })
		l.after("a", func() { r.parcel("a is gone", nil).hand() })
		r.is(t, "a0", "b0", "a elsewhere", "b is gone")
		close(first)
		r.is(t, "a0", "b0", "a elsewhere", "b is gone", "a1", "a2")
		close(second)
		r.is(t, "a0", "b0", "a elsewhere", "b is gone", "a1", "a2", "a3", "a4", "a is gone")
		if len(l.active) > 0 || l.count != 0 || l.held != 0 {
			t.Errorf("left: %d lanes, %d parcels, %d bytes", len(l.active), l.count, l.held)
		}
	})
}

func TestLanesAreBounded(t *testing.T) {
	for _, l := range []*lanes{newLanes(3, 1000), newLanes(100, 30)} {
		synctest.Test(t, func(t *testing.T) {
			r, key, wait := new(record), laneKey{"a", "/"}, make(chan struct{})
			l.fetch(key, r.parcel("1", wait))
			synctest.Wait() // it is being fetched, and waits no more
			for i, want := range []bool{true, true, true, false} {
				if got := l.pass(key, r.parcel("2", nil)); got != want {
					t.Errorf("parcel %d: %v", i, got)
				}
			}
			if l.fetch(key, r.parcel("3", nil)) || l.fetch(laneKey{"b", "/"}, r.parcel("4", nil)) {
				t.Error("there was room")
			}
			if !l.pass(key, parcel{hand: r.parcel("must be known", nil).hand}) {
				t.Error("there was no room for what must be known")
			}
			close(wait)
			r.is(t, "1", "2", "2", "2", "must be known")
			if !l.fetch(key, r.parcel("5", nil)) {
				t.Error("there is no room again")
			}
			r.is(t, "1", "2", "2", "2", "must be known", "5")
		})
	}
}

func TestALaneSurvivesTheEndOfItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r, key := newLanes(100, 1000), new(record), laneKey{"a", "/"}
		l.fetch(key, parcel{hand: runtime.Goexit})
		l.pass(key, r.parcel("1", nil))
		r.is(t, "1")
	})
}

func TestInboxIsBounded(t *testing.T) {
	for _, b := range []*inbox{newInbox(2, 1000), newInbox(100, 10)} {
		for range 3 {
			b.add(arrival{channel: "c", payload: "1234"})
		}
		b.add(arrival{gone: "a node"})
		queue, lost := b.take()
		if len(queue) != 3 || lost != 1 || queue[2].gone == "" {
			t.Errorf("%d in the queue, %d lost", len(queue), lost)
		}
		b.add(arrival{channel: "c", payload: "1234"})
		if queue, lost := b.take(); len(queue) != 1 || lost != 0 {
			t.Errorf("%d in the queue, %d lost", len(queue), lost)
		}
	}
}
