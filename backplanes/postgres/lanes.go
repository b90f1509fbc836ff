package postgres

import (
	"sync"
	"sync/atomic"
)

// Messages of one sender in one namespace are handed over in order. Those that are in
// the table take a while to be read, during which the others of that sender wait in a
// lane. Nobody else waits.

// A laneKey is a sender in a namespace, "" for what nodes of Kawat's say to each other.
type laneKey struct{ from, namespace string }

// A lane has a goroutine as long as something waits in it.
type lane struct{ queue []parcel }

// A parcel is handed over by its function, which may take a while.
type parcel struct {
	size int
	hand func()
}

type lanes struct {
	items, bytes int // the bounds

	mu     sync.Mutex
	active map[laneKey]*lane
	count  int
	held   int // bytes
}

func newLanes(items, bytes int) *lanes {
	return &lanes{items: items, bytes: bytes, active: make(map[laneKey]*lane)}
}

// pass hands a parcel over: at once if nothing waits in its lane, and else behind
// that. It returns false if too much waits.
func (l *lanes) pass(key laneKey, p parcel) bool {
	l.mu.Lock()
	waits := l.active[key]
	if waits == nil {
		l.mu.Unlock()
		p.hand()
		return true
	}
	defer l.mu.Unlock()
	return l.add(waits, p)
}

// fetch hands a parcel over that takes a while, in a goroutine. It returns false if
// too much waits.
func (l *lanes) fetch(key laneKey, p parcel) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if waits := l.active[key]; waits != nil {
		return l.add(waits, p)
	}
	fresh := new(lane)
	if !l.add(fresh, p) {
		return false
	}
	l.active[key] = fresh
	go l.run(key, fresh)
	return true
}

// add puts a parcel into a lane, if there is room. The caller holds l.mu.
func (l *lanes) add(to *lane, p parcel) bool {
	if p.size > 0 && (l.count >= l.items || l.held+p.size > l.bytes) {
		return false
	}
	l.count++
	l.held += p.size
	to.queue = append(to.queue, p)
	return true
}

// after calls f when all is handed over that waits now and comes from a sender.
func (l *lanes) after(from string, f func()) {
	l.mu.Lock()
	var left atomic.Int64
	left.Store(1)
	last := func() {
		if left.Add(-1) == 0 {
			f()
		}
	}
	for key, waits := range l.active {
		if key.from == from {
			left.Add(1)
			l.add(waits, parcel{hand: last})
		}
	}
	l.mu.Unlock()
	last()
}

// run hands over what waits in a lane, until there is nothing. A host that ends the
// goroutine does not end that.
func (l *lanes) run(key laneKey, waits *lane) {
	done := false
	defer func() {
		if !done {
			go l.run(key, waits)
		}
	}()
	for {
		p, ok := l.next(key, waits)
		if !ok {
			done = true
			return
		}
		p.hand()
	}
}

// next takes the first parcel out. A lane without any is given up.
func (l *lanes) next(key laneKey, waits *lane) (p parcel, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(waits.queue) == 0 {
		delete(l.active, key)
		return parcel{}, false
	}
	p = waits.queue[0]
	waits.queue[0] = parcel{}
	waits.queue = waits.queue[1:]
	l.count--
	l.held -= p.size
	return p, true
}
