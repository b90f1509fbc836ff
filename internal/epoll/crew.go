//go:build linux && !386

package epoll

import "sync"

// maxIdle is how many goroutines wait for work at most.
const maxIdle = 64

// A crew calls the awake of connections, in as few goroutines as will do. Those
// that are in the queue are served by one goroutine, one after the other, without
// a switch in between, as long as none of them blocks: a second one has been
// woken and goes on as soon as the first is off the processor, or a processor is
// free. Only one at a time is on its way, as only one can find the queue's head;
// whoever takes from the queue and leaves something in it calls the next.
type crew struct {
	mu     sync.Mutex
	queue  queue
	idle   *hand // the last to become idle is the first to work: its memory is warm
	idles  int
	called bool // a hand has been called and has not come yet; it has, if the queue is not empty
	conns  int  // while there are any, idle hands stay
}

// A hand is a goroutine of the crew.
type hand struct {
	call chan struct{} // closed to send it home
	next *hand         // in the list of those that are idle
}

// A queue is a list of connections, linked by Conn.next.
type queue struct{ head, tail *Conn }

func (q *queue) push(c *Conn) { q.append(queue{c, c}) }

func (q *queue) append(more queue) {
	switch {
	case more.head == nil:
	case q.head == nil:
		*q = more
	default:
		q.tail.next = more.head
		q.tail = more.tail
	}
}

func (q *queue) pop() *Conn {
	c := q.head
	if c != nil {
		q.head, c.next = c.next, nil
	}
	return c
}

// add hands connections to the crew.
func (w *crew) add(more queue) {
	if more.head == nil {
		return
	}
	w.mu.Lock()
	w.queue.append(more)
	h := w.callOne()
	w.mu.Unlock()
	w.start(h)
}

// callOne chooses who comes for the queue's head, or nil if somebody does
// already. The caller holds the lock, and starts it without.
func (w *crew) callOne() *hand {
	if w.called {
		return nil
	}
	w.called = true
	h := w.idle
	if h == nil {
		return new(hand)
	}
	w.idle, h.next = h.next, nil
	w.idles--
	return h
}

// start wakes the hand, or makes its goroutine if it has none yet.
func (w *crew) start(h *hand) {
	switch {
	case h == nil:
	case h.call == nil:
		h.call = make(chan struct{}, 1)
		go w.work(h)
	default:
		h.call <- struct{}{}
	}
}

// work is the goroutine of a hand, which has been called.
func (w *crew) work(h *hand) {
	called := true
	for {
		w.mu.Lock()
		if called {
			w.called = false
		}
		c := w.queue.pop()
		if c == nil {
			if w.conns == 0 || w.idles == maxIdle {
				w.mu.Unlock()
				return
			}
			h.next, w.idle = w.idle, h
			w.idles++
			w.mu.Unlock()
			if _, called = <-h.call; !called {
				return
			}
			continue
		}
		var next *hand
		if w.queue.head != nil {
			next = w.callOne()
		}
		w.mu.Unlock()
		w.start(next)
		called = false
		c.awake()
	}
}

// join counts a connection.
func (w *crew) join() {
	w.mu.Lock()
	w.conns++
	w.mu.Unlock()
}

// leave counts a connection off. Behind the last one the hands go home.
func (w *crew) leave() {
	w.mu.Lock()
	w.conns--
	var home *hand
	if w.conns == 0 {
		home, w.idle, w.idles = w.idle, nil, 0
	}
	w.mu.Unlock()
	for home != nil {
		h := home
		home = h.next
		close(h.call)
	}
}
