// Package expiry tells when a fixed time has passed for each of very many things.
//
// All entries of a queue wait equally long, so they expire in the order in which
// they were added: a list and one timer for its head do what would otherwise
// take a timer for each entry. Adding, moving and removing cost the same however
// long the list is, and an entry is to the millisecond.
package expiry

import (
	"sync"
	"time"
)

// An Entry is something that can wait in a queue, in one at a time. It is meant
// to be a field of what it stands for. The zero Entry waits nowhere.
type Entry[T any] struct {
	Value      T
	prev, next *Entry[T]
	at         time.Duration // after the queue's start: a third of a time.Time
	queue      *Queue[T]
}

// A Queue calls a function for each of its entries a fixed time after the entry
// was added. All methods may be called from any goroutine.
type Queue[T any] struct {
	start  time.Time
	wait   time.Duration
	expire func(T)

	mu    sync.Mutex
	root  Entry[T]    // of a ring: root.next expires first
	timer *time.Timer // one for the queue's whole life, so that none is left over
	armed bool
}

// New makes a queue. expire is called from a goroutine of the queue's timer, one
// entry after another, without a lock: it may come just after the entry was
// removed or added again, so it has to look at the state of the value.
func New[T any](wait time.Duration, expire func(T)) *Queue[T] {
	q := &Queue[T]{start: time.Now(), wait: wait, expire: expire}
	q.root.prev, q.root.next = &q.root, &q.root
	return q
}

// Add lets the entry's time begin, anew if it was waiting in this queue already.
func (q *Queue[T]) Add(e *Entry[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.queue != nil {
		q.unlink(e)
	}
	e.at = q.now() + q.wait
	e.queue = q
	e.prev, e.next = q.root.prev, &q.root
	e.prev.next, e.next.prev = e, e
	if q.root.next == e {
		q.arm()
	}
}

// Remove takes the entry out, if it is in.
func (q *Queue[T]) Remove(e *Entry[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.queue != q {
		return
	}
	first := q.root.next == e
	q.unlink(e)
	if first {
		q.arm()
	}
}

func (q *Queue[T]) now() time.Duration { return time.Since(q.start) }

func (q *Queue[T]) unlink(e *Entry[T]) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next, e.queue = nil, nil, nil
}

// arm sets the timer for the first entry, or stops it where there is none. A
// timer that comes too early finds nothing to do and arms itself again, so an
// already running one is left alone.
func (q *Queue[T]) arm() {
	first := q.root.next
	switch {
	case first == &q.root:
		if q.armed {
			q.armed = false
			q.timer.Stop()
		}
	case q.timer == nil:
		q.armed = true
		q.timer = time.AfterFunc(first.at-q.now(), q.fire)
	case !q.armed:
		q.armed = true
		q.timer.Reset(first.at - q.now())
	}
}

// fire runs at the time of what was the first entry when the timer was armed.
func (q *Queue[T]) fire() {
	q.mu.Lock()
	q.armed = false
	for e := q.root.next; e != &q.root && e.at <= q.now(); e = q.root.next {
		q.unlink(e)
		value := e.Value
		q.mu.Unlock()
		q.expire(value)
		q.mu.Lock()
	}
	q.arm()
	q.mu.Unlock()
}
