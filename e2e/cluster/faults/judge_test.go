//go:build linux

package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// What clients of the same node may wait for a message, and who emits one: at any
// time. The server that is alone does the same at the same time: if the machine has no
// time for it either, three times of what that takes is allowed.
const (
	localLimit = 20 * time.Millisecond
	emitLimit  = 5 * time.Millisecond
	// The slowest of thousands may have been interrupted for as long as this, where other
	// programs are at work; what waits for the bus waits for longer, and again and again.
	interruption = 100 * time.Millisecond
)

// judgeSpeed looks at what a node and its own clients notice.
func (w *world) judgeSpeed(t *testing.T, from, to mark) {
	t.Helper()
	var local [nodesOfWorld + 1][]time.Duration
	var emit [nodesOfWorld + 1][]time.Duration
	for i, m := range w.nodes {
		m.mu.Lock()
		sent := slices.Clone(m.sent[:to.said[i]])
		m.mu.Unlock()
		for _, e := range sent[from.said[i]:] {
			emit[i] = append(emit[i], e.took)
		}
		for _, l := range m.clients {
			for _, h := range l.from(i, from.said[i]) {
				if h.seq < len(sent) {
					local[i] = append(local[i], h.at.Sub(sent[h.seq].at))
				}
			}
		}
		slices.Sort(local[i])
		slices.Sort(emit[i])
		if want := (to.said[i] - from.said[i]) * clientsOfNode; len(local[i]) != want {
			t.Errorf("clients of node %d have heard %d of %d messages of its own", i, len(local[i]), want)
		}
	}
	// In the small size there are too few messages, and too much else is running, to look
	// at one in a hundred.
	percent, once := 90, 10*interruption
	if *scale >= 1 {
		percent, once = 99, interruption
	}
	mayLocal, mayEmit := max(localLimit, 3*p99(local[0])), max(emitLimit, 3*p99(local[0]))
	once = max(once, 3*longest(local[0]))
	for i := range w.nodes {
		t.Logf("%s: node %d: local p50 %v, p99 %v, longest %v; Emit p99 %v, longest %v (%d messages)", t.Name(), i,
			median(local[i]), p99(local[i]), longest(local[i]), p99(emit[i]), longest(emit[i]), len(emit[i]))
		if got := at(local[i], percent); got > mayLocal {
			t.Errorf("node %d: its own clients wait for %v (p%d), which may be %v", i, got, percent, mayLocal)
		}
		if got := at(emit[i], percent); i > 0 && (got > mayEmit || longest(emit[i]) > once) {
			t.Errorf("node %d: Emit took %v (p%d), which may be %v, and once %v, which may be %v",
				i, got, percent, mayEmit, longest(emit[i]), once)
		}
	}
	w.mu.Lock()
	requests := longest(slices.Sorted(slices.Values(w.requests[from.requests:to.requests])))
	w.mu.Unlock()
	t.Logf("%s: requests: longest %v, with a timeout of %v", t.Name(), requests, requestTimeout)
	if requests > requestTimeout+max(time.Second, 3*longest(local[0])) {
		t.Errorf("a request with a timeout of %v took %v", requestTimeout, requests)
	}
}

// judgeDelivery looks at what other nodes' clients have heard.
func (w *world) judgeDelivery(t *testing.T, p plane, f fault, before, after, end mark) {
	t.Helper()
	for _, m := range w.nodes[1:] {
		other := w.nodes[3-m.index]
		missed := 0
		for _, l := range w.audience(m) {
			next, n := before.said[m.index], 0
			heard := l.from(m.index, next)
			for i, h := range heard {
				if h.seq < next {
					t.Fatalf("a client of node %d has heard message %d of node %d behind %d: %v",
						l.home.index, h.seq, m.index, next-1, seqs(heard[:min(i+20, len(heard))]))
				}
				if h.seq < end.said[m.index] {
					n += h.seq - next
				}
				next = h.seq + 1
			}
			if l.home == m && n > 0 {
				t.Errorf("a client has missed %d messages of its own node %d", n, m.index)
			}
			missed = max(missed, n)
		}
		if p.durable && missed > 0 {
			t.Errorf("node %d has missed %d messages of node %d, though they are kept", other.index, missed, m.index)
		}
		told := func() (down, up, gaps, own int) {
			return other.count(backplane.Down, before), other.count(backplane.Up, before),
				other.count(backplane.Gap, before), m.count(backplane.Gap, before)
		}
		eventually(t, 15*time.Second, fmt.Sprintf("node %d has been told that it has missed %d of %d messages", other.index, missed,
			end.said[m.index]-before.said[m.index]), func() bool {
			down, up, gaps, _ := told()
			return missed == 0 || gaps > 0 || down > 0 && up > 0
		})
		down, up, gaps, own := told()
		t.Logf("%s: node %d has missed %d of the %d messages of node %d: Down %d, Up %d, Gap %d; Gap of the sender %d",
			t.Name(), other.index, missed, end.said[m.index]-before.said[m.index], m.index, down, up, gaps, own)
		if f.cut && w.bus != nil && (down == 0 || up == 0) {
			t.Errorf("node %d was told %d times that the link is cut, %d times that it is back", other.index, down, up)
		}
	}
}

func p99(sorted []time.Duration) time.Duration    { return at(sorted, 99) }
func median(sorted []time.Duration) time.Duration { return at(sorted, 50) }
func longest(sorted []time.Duration) time.Duration {
	return at(sorted, 100)
}

func at(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

func seqs(heard []hearing) (all []int) {
	for _, h := range heard {
		all = append(all, h.seq)
	}
	return all
}
