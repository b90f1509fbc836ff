package nats

import (
	"log/slog"
	"runtime/debug"
	"sync"
)

// An inbox is what has come and waits for the one goroutine that hands it over,
// which exists only while there is something. Of one sender all came over one
// connection, so its order is kept whatever the subjects.
type inbox struct {
	logger *slog.Logger

	mu      sync.Mutex
	room    sync.Cond // for those who wait until there is room
	queue   []func()
	sizes   []int
	bytes   int
	max     int
	handing bool
	closed  bool
}

func newInbox(max int, logger *slog.Logger) *inbox {
	in := &inbox{max: max, logger: logger}
	in.room.L = &in.mu
	return in
}

// offer adds what is to be done, unless too much waits already.
func (in *inbox) offer(size int, do func()) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed || len(in.queue) > 0 && in.bytes+size > in.max {
		return in.closed
	}
	in.add(size, do)
	return true
}

// must adds what is to be done in any case, and costs nothing.
func (in *inbox) must(do func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.closed {
		in.add(0, do)
	}
}

// wait adds what is to be done as soon as there is room.
func (in *inbox) wait(size int, do func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for !in.closed && len(in.queue) > 0 && in.bytes+size > in.max {
		in.room.Wait()
	}
	if !in.closed {
		in.add(size, do)
	}
}

// add is called with the lock held. Every item costs something, however small.
func (in *inbox) add(size int, do func()) {
	in.queue, in.sizes = append(in.queue, do), append(in.sizes, size)
	in.bytes += size
	if !in.handing {
		in.handing = true
		go in.handOver()
	}
}

// handOver does what waits until nothing does. A host that ends the goroutine does
// not end that.
func (in *inbox) handOver() {
	done := false
	defer func() {
		if !done {
			go in.handOver()
		}
	}()
	for do := in.take(); do != nil; do = in.take() {
		in.guard(do)
	}
	done = true
}

func (in *inbox) take() (do func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed || len(in.queue) == 0 {
		in.queue, in.sizes, in.bytes, in.handing = nil, nil, 0, false
		in.room.Broadcast()
		return nil
	}
	do = in.queue[0]
	in.bytes -= in.sizes[0]
	in.queue[0] = nil
	in.queue, in.sizes = in.queue[1:], in.sizes[1:]
	in.room.Broadcast()
	return do
}

func (in *inbox) guard(do func()) {
	defer func() {
		if v := recover(); v != nil {
			in.logger.Error("nats: a host panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	do()
}

// close drops what waits, and all that comes later.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.room.Broadcast()
}
