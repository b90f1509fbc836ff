// Package outbox is the bounded queue between those who publish, who never wait, and
// what sends to a bus, which does.
package outbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// Config says what an Outbox does. Send must be set.
type Config[T any] struct {
	// MaxItems and MaxBytes bound what waits, that which is being sent included.
	// Defaults: 100,000 and 64 MiB.
	MaxItems, MaxBytes int
	// MaxBatch is how many items Send gets at a time. Default 1,000.
	MaxBatch int
	// Size says how many bytes an item counts for. Default: none.
	Size func(item T) int

	// Send sends a batch, in order, and returns how many of the first have been dealt
	// with. It is called by one goroutine at a time, never with an empty batch, and must
	// come back soon after ctx has ended. The batch is not to be kept. If it returns an
	// error, or fewer than there are, the others are dropped or, with Retry, tried again;
	// see [Never] for an item that will never do.
	Send func(ctx context.Context, batch []T) (done int, err error)

	// Retry keeps what could not be sent and tries it again, in order, after Backoff,
	// which is told how often in a row nothing could be sent. Default: 20 ms, and twice as
	// much each time, up to a second.
	Retry   bool
	Backoff func(failures int) time.Duration

	// Dropped is told of items that will not be sent. It is called without a lock. May be
	// nil.
	Dropped func(items int, err error)
}

// Never wraps an error of Send: the first item that was not dealt with will never be
// sent, whatever the bus does. It is dropped, and those behind it go on.
func Never(err error) error { return never{err} }

type never struct{ error }

func (n never) Unwrap() error { return n.error }

// An Outbox is a queue and, while there is something in it, the goroutine that sends.
// Its methods may be called from any goroutine.
type Outbox[T any] struct {
	cfg     Config[T]
	ctx     context.Context // of Send
	cancel  context.CancelFunc
	closing chan struct{} // closed by the first Close
	idle    chan struct{} // closed when it is closed and nothing is sent any more

	mu      sync.Mutex
	queue   []T
	sizes   []int // of the queue's items, if there is a Size
	bytes   int
	closed  bool
	working bool
	batch   []T // of the goroutine
}

// New makes an Outbox. It is to be closed.
func New[T any](cfg Config[T]) *Outbox[T] {
	for _, field := range []struct {
		n         *int
		byDefault int
	}{{&cfg.MaxItems, 100_000}, {&cfg.MaxBytes, 64 << 20}, {&cfg.MaxBatch, 1000}} {
		if *field.n <= 0 {
			*field.n = field.byDefault
		}
	}
	if cfg.Backoff == nil {
		cfg.Backoff = backoff
	}
	if cfg.Dropped == nil {
		cfg.Dropped = func(int, error) {}
	}
	ctx, cancel := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	return &Outbox[T]{cfg: cfg, ctx: ctx, cancel: cancel, closing: make(chan struct{}), idle: make(chan struct{})}
}

func backoff(failures int) time.Duration {
	return min(20*time.Millisecond<<min(failures-1, 10), time.Second)
}

// Push queues an item. It fails with [backplane.ErrQueueFull] or
// [backplane.ErrClosed].
func (o *Outbox[T]) Push(item T) error {
	size := 0
	if o.cfg.Size != nil {
		size = o.cfg.Size(item)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return backplane.ErrClosed
	case len(o.queue) >= o.cfg.MaxItems, size > o.cfg.MaxBytes-o.bytes:
		return backplane.ErrQueueFull
	}
	o.queue = append(o.queue, item)
	if o.cfg.Size != nil {
		o.sizes = append(o.sizes, size)
		o.bytes += size
	}
	if !o.working {
		o.working = true
		go o.work()
	}
	return nil
}

// Len returns how many items wait, those that are being sent included.
func (o *Outbox[T]) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}

// Close takes nothing more, waits until all is sent, and ends. If ctx ends before, the
// rest is dropped, and the error is that of ctx. Send and Dropped are not called once
// it has returned. It must not be called by them.
func (o *Outbox[T]) Close(ctx context.Context) error {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.closing)
		if !o.working {
			close(o.idle)
		}
	}
	o.mu.Unlock()
	defer o.cancel()
	select {
	case <-o.idle:
		return nil
	case <-ctx.Done():
	}
	o.cancel()
	<-o.idle
	return ctx.Err()
}

// work sends until the queue is empty.
func (o *Outbox[T]) work() {
	failures := 0
	for {
		batch := o.next()
		if batch == nil {
			return
		}
		if err := o.ctx.Err(); err != nil {
			o.drop(len(batch), err)
			continue
		}
		done, err := o.cfg.Send(o.ctx, batch)
		if done > 0 {
			o.remove(min(done, len(batch)))
			failures = 0
		}
		rest := max(0, len(batch)-max(done, 0))
		var hopeless never
		switch {
		case rest == 0:
		case errors.As(err, &hopeless):
			o.drop(1, hopeless.error)
			failures = 0
		case o.cfg.Retry:
			failures++
			o.wait(o.cfg.Backoff(failures))
		default:
			o.drop(rest, err)
		}
	}
}

// wait waits before what has failed is tried again: but for a moment if nothing more
// comes, for then there is little time.
func (o *Outbox[T]) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return
	case <-o.ctx.Done():
		return
	case <-o.closing:
	}
	timer.Reset(min(d, o.cfg.Backoff(1)))
	select {
	case <-timer.C:
	case <-o.ctx.Done():
	}
}

// next returns the items that have waited for longest. If there are none, nobody
// sends any more.
func (o *Outbox[T]) next() []T {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.batch)
	if len(o.queue) == 0 {
		o.queue, o.sizes, o.batch, o.working = nil, nil, nil, false
		if o.closed {
			close(o.idle)
		}
		return nil
	}
	o.batch = append(o.batch[:0], o.queue[:min(len(o.queue), o.cfg.MaxBatch)]...)
	return o.batch
}

// remove takes the first n items out of the queue.
func (o *Outbox[T]) remove(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.queue[:n])
	o.queue = o.queue[n:]
	if o.cfg.Size == nil {
		return
	}
	for _, size := range o.sizes[:n] {
		o.bytes -= size
	}
	o.sizes = o.sizes[n:]
}

func (o *Outbox[T]) drop(n int, err error) {
	o.remove(n)
	o.cfg.Dropped(n, err)
}
