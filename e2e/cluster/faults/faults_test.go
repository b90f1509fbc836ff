//go:build linux

package faults

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A fault is a row of the table: what happens to the bus.
type fault struct {
	name string
	cut  bool // the nodes have to notice it, even if it is short
	// play returns when the bus is as it should be again.
	play func(t *testing.T, w *world)
}

var faults = []fault{
	{name: "cut", cut: true, play: func(_ *testing.T, w *world) {
		w.set(cut)
		time.Sleep(scaled(30 * time.Second))
		w.set(passing)
	}},
	{name: "flapping", cut: true, play: func(_ *testing.T, w *world) { flap(w.gates, scaled(60*time.Second)) }},
	{name: "silent", play: func(_ *testing.T, w *world) {
		if w.bus == nil {
			w.set(silent)
			time.Sleep(scaled(30 * time.Second))
			w.set(passing)
			return
		}
		w.bus.Pause()
		time.Sleep(scaled(30 * time.Second))
		w.bus.Resume()
	}},
	{name: "lost", cut: true, play: func(t *testing.T, w *world) {
		if w.bus == nil { // it is in the nodes: see TestNodesThatAreKilled
			return
		}
		err := w.bus.Lose()
		time.Sleep(scaled(10 * time.Second))
		if err := errors.Join(err, w.bus.Start()); err != nil {
			t.Fatal(err)
		}
	}},
}

func (w *world) set(state int32) {
	for _, g := range w.gates {
		g.set(state)
	}
}

// The bus is cut, flaps, hangs, and is started anew without its data: a node's own
// clients do not notice, those of others hear what is kept, or the program is told.
func TestFaultsOfTheBus(t *testing.T) {
	t.Parallel()
	for _, p := range planes {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, p)
			ctx, stop := context.WithCancel(context.Background())
			var busy sync.WaitGroup
			defer busy.Wait()
			defer stop()
			for _, m := range w.nodes {
				busy.Go(func() { m.talk(ctx, t, 20*time.Millisecond) })
				if m.index > 0 {
					busy.Go(func() { m.ask(ctx) })
				}
			}
			time.Sleep(3 * time.Second) // as it should be
			for _, f := range faults {
				t.Run(f.name, func(t *testing.T) { w.suffer(t, p, f) })
			}
		})
	}
}

// suffer lets a fault happen, and judges what has become of everything.
func (w *world) suffer(t *testing.T, p plane, f fault) {
	var before, after mark
	w.mark(&before)
	f.play(t, w)
	w.mark(&after)
	back := eventually(t, time.Minute, "what nodes say is heard by the others", func() bool {
		for _, m := range w.nodes[1:] {
			for _, l := range w.nodes[3-m.index].clients {
				if len(l.from(m.index, after.said[m.index])) == 0 {
					return false
				}
			}
		}
		return true
	})
	answers := back + eventually(t, time.Minute, "nodes answer each other", w.together)
	var end mark
	w.mark(&end)
	// What was said last has to come, and all before it with it, since there is an order.
	eventually(t, time.Minute, "the last of it is heard", func() bool {
		for _, m := range w.nodes {
			for _, l := range w.audience(m) {
				if len(l.from(m.index, end.said[m.index]-1)) == 0 {
					return false
				}
			}
		}
		return true
	})
	w.judgeSpeed(t, before, end)
	w.judgeDelivery(t, p, f, before, after, end)
	t.Logf("%s: heard again after %v, answers after %v", t.Name(), back.Round(time.Millisecond), answers.Round(time.Millisecond))
	if back > 5*time.Second || answers > 10*time.Second {
		t.Errorf("what nodes say came back after %v, answers after %v", back, answers)
	}
}

// A mark is a moment: how much everybody had said and seen.
type mark struct {
	said, events [nodesOfWorld + 1]int
	requests     int
}

func (w *world) mark(k *mark) {
	for i, m := range w.nodes {
		m.mu.Lock()
		k.said[i], k.events[i] = len(m.sent), len(m.events)
		m.mu.Unlock()
	}
	w.mu.Lock()
	k.requests = len(w.requests)
	w.mu.Unlock()
}

// audience returns the clients that should hear a node.
func (w *world) audience(m *member) (all []*listener) {
	if m.index == 0 {
		return m.clients
	}
	for _, other := range w.nodes[1:] {
		all = append(all, other.clients...)
	}
	return all
}

// count counts the events of a kind since a mark.
func (m *member) count(kind backplane.EventKind, since mark) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events[since.events[m.index]:] {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
