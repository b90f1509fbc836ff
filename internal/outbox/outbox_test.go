package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/goroutines"
)

var errBus = errors.New("the bus is down")

// A bus remembers what it was sent.
type bus struct {
	mu      sync.Mutex
	sent    []int
	batches int
	dropped []string
	fail    func(batch []int) (done int, err error)
}

func (b *bus) config() Config[int] {
	return Config[int]{Send: b.send, Dropped: func(n int, err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.dropped = append(b.dropped, fmt.Sprint(n, " ", err))
	}}
}

func (b *bus) send(_ context.Context, batch []int) (done int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batches++
	done = len(batch)
	if b.fail != nil {
		done, err = b.fail(batch)
	}
	b.sent = append(b.sent, batch[:min(max(done, 0), len(batch))]...)
	return done, err
}

func (b *bus) expect(t *testing.T, dropped []string, sent ...int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.sent, sent) || !slices.Equal(b.dropped, dropped) {
		t.Errorf("sent %v, want %v; dropped %q, want %q", b.sent, sent, b.dropped, dropped)
	}
}

func push(t *testing.T, o *Outbox[int], items ...int) {
	t.Helper()
	for _, item := range items {
		if err := o.Push(item); err != nil {
			t.Errorf("push %d: %v", item, err)
		}
	}
}

func closed(t *testing.T, o *Outbox[int], d time.Duration, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := o.Close(ctx); !errors.Is(err, want) {
		t.Errorf("close: %v, want %v", err, want)
	}
	if err := o.Push(0); err != backplane.ErrClosed {
		t.Errorf("push after close: %v", err)
	}
}

func TestOrderAndBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bus
		gate := make(chan struct{})
		cfg := b.config()
		cfg.MaxBatch = 4
		cfg.Send = func(ctx context.Context, batch []int) (int, error) {
			<-gate
			if len(batch) > 4 {
				t.Errorf("a batch of %d", len(batch))
			}
			return b.send(ctx, batch)
		}
		o := New(cfg)
		push(t, o, 1)
		synctest.Wait()
		push(t, o, 2, 3, 4, 5, 6)
		if n := o.Len(); n != 6 {
			t.Errorf("%d items wait", n)
		}
		close(gate)
		synctest.Wait()
		b.expect(t, nil, 1, 2, 3, 4, 5, 6)
		if b.batches != 3 || o.Len() != 0 {
			t.Errorf("%d batches, %d wait", b.batches, o.Len())
		}
		push(t, o, 7)
		synctest.Wait()
		b.expect(t, nil, 1, 2, 3, 4, 5, 6, 7)
		closed(t, o, time.Second, nil)
		closed(t, o, time.Second, nil)
	})
}

// TestNoGoroutineWhileIdle holds that an outbox that has nothing to send costs no
// goroutine and no memory for its queue.
func TestNoGoroutineWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bus
		before := goroutines.InBubble()
		o := New(b.config())
		push(t, o, 1, 2, 3)
		synctest.Wait()
		if n := goroutines.InBubble(); n > before || o.queue != nil || o.batch != nil {
			t.Errorf("%d goroutines, %d before; %v %v", n, before, o.queue, o.batch)
		}
		closed(t, o, time.Second, nil)
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bus
		gate := make(chan struct{})
		cfg := b.config()
		cfg.MaxItems, cfg.MaxBytes, cfg.Size = 3, 100, func(n int) int { return n }
		cfg.Send = func(ctx context.Context, batch []int) (int, error) {
			<-gate
			return b.send(ctx, batch)
		}
		o := New(cfg)
		full := func(item int) {
			t.Helper()
			if err := o.Push(item); err != backplane.ErrQueueFull {
				t.Errorf("push %d: %v", item, err)
			}
		}
		full(101)
		push(t, o, 40)
		synctest.Wait() // it is being sent, and counts
		full(61)
		push(t, o, 60)
		full(1)
		push(t, o, 0)
		full(0)
		close(gate)
		synctest.Wait()
		push(t, o, 100)
		closed(t, o, time.Second, nil)
		b.expect(t, nil, 40, 60, 0, 100)
	})
}

// TestFailures holds what becomes of items that cannot be sent.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		retry   bool
		fail    func(batch []int, call int) (int, error)
		sent    []int
		dropped []string
		after   time.Duration // when all is done
	}{
		"dropped":        {false, func(b []int, call int) (int, error) { return 0, errBus }, nil, []string{"3 the bus is down"}, 0},
		"the rest":       {false, func(b []int, call int) (int, error) { return 2, errBus }, []int{1, 2}, []string{"1 the bus is down"}, 0},
		"done is enough": {false, func(b []int, call int) (int, error) { return 3, errBus }, []int{1, 2, 3}, nil, 0},
		"too many done":  {false, func(b []int, call int) (int, error) { return 9, nil }, []int{1, 2, 3}, nil, 0},
		"fewer than 0":   {false, func(b []int, call int) (int, error) { return -1, errBus }, nil, []string{"3 the bus is down"}, 0},
		"never": {false, func(b []int, call int) (int, error) {
			if i := slices.Index(b, 2); i >= 0 {
				return i, Never(errBus)
			}
			return len(b), nil
		}, []int{1, 3}, []string{"1 the bus is down"}, 0},
		"never, with retry": {true, func(b []int, call int) (int, error) {
			if i := slices.Index(b, 2); i >= 0 {
				return i, fmt.Errorf("of that: %w", Never(errBus))
			}
			return len(b), nil
		}, []int{1, 3}, []string{"1 the bus is down"}, 0},
		"retry": {true, func(b []int, call int) (int, error) {
			if call < 4 {
				return 0, errBus
			}
			return len(b), nil
		}, []int{1, 2, 3}, nil, (20 + 40 + 80) * time.Millisecond},
		"retry, one at a time": {true, func(b []int, call int) (int, error) { return call % 2, errBus }, []int{1, 2, 3}, nil, 120 * time.Millisecond},
		"never, between failures": {true, func(b []int, call int) (int, error) {
			switch call {
			case 3:
				return 0, Never(errBus)
			case 1, 2, 4:
				return 0, errBus
			}
			return len(b), nil
		}, []int{2, 3}, []string{"1 the bus is down"}, (20 + 40 + 20) * time.Millisecond},
		"retry, for long": {true, func(b []int, call int) (int, error) {
			if call < 10 {
				return 0, errBus
			}
			return len(b), nil
		}, []int{1, 2, 3}, nil, (20+40+80+160+320+640)*time.Millisecond + 3*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b bus
				gate := make(chan struct{})
				call := 0
				cfg := b.config()
				cfg.Retry = c.retry
				cfg.Send = func(ctx context.Context, batch []int) (int, error) {
					<-gate
					call++
					return b.send(ctx, batch)
				}
				b.fail = func(batch []int) (int, error) { return c.fail(batch, call) }
				o := New(cfg)
				push(t, o, 0)
				synctest.Wait()
				push(t, o, 1, 2, 3)
				b.fail = func([]int) (int, error) { // the first batch is 0 alone
					b.fail = func(batch []int) (int, error) { return c.fail(batch, call) }
					call = 0
					return 1, nil
				}
				start := time.Now()
				close(gate)
				for {
					synctest.Wait()
					if o.Len() == 0 {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				if after := time.Since(start); after != c.after {
					t.Errorf("after %v, want %v", after, c.after)
				}
				closed(t, o, time.Second, nil)
				b.expect(t, c.dropped, append([]int{0}, c.sent...)...)
			})
		})
	}
}

// TestClose holds that what is queued is sent, as long as there is time, and is not
// waited for as long as the bus had been down.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bus
		down := true
		b.fail = func(batch []int) (int, error) {
			if down {
				return 0, errBus
			}
			return len(batch), nil
		}
		cfg := b.config()
		cfg.Retry = true
		cfg.Backoff = func(failures int) time.Duration {
			if failures == 1 {
				return 10 * time.Millisecond
			}
			return time.Hour
		}
		o := New(cfg)
		push(t, o, 1, 2)
		time.Sleep(time.Minute)
		go func() {
			time.Sleep(95 * time.Millisecond)
			b.mu.Lock()
			defer b.mu.Unlock()
			down = false
		}()
		start := time.Now()
		closed(t, o, time.Second, nil)
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		b.expect(t, nil, 1, 2)
		if o.ctx.Err() == nil {
			t.Error("the context lives on")
		}
	})
}

// TestCloseGivesUp holds that Close ends with its context, and that nothing is called
// later.
func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bus
		cfg := b.config()
		cfg.Send = func(ctx context.Context, _ []int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		o := New(cfg)
		push(t, o, 1)
		synctest.Wait()
		push(t, o, 2, 3)
		start := time.Now()
		closed(t, o, time.Second, context.DeadlineExceeded)
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %v", d)
		}
		b.expect(t, []string{"1 context canceled", "2 context canceled"})
		if o.Len() != 0 {
			t.Errorf("%d wait", o.Len())
		}
	})
}

// TestCloseGivesUpRetrying is the same while it waits to try again.
func TestCloseGivesUpRetrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bus
		b.fail = func([]int) (int, error) { return 0, errBus }
		cfg := b.config()
		cfg.Retry = true
		o := New(cfg)
		push(t, o, 1, 2, 3)
		time.Sleep(time.Minute)
		start := time.Now()
		closed(t, o, time.Second, context.DeadlineExceeded)
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %v", d)
		}
		b.expect(t, []string{"3 context canceled"})
	})
}

// TestManyPush holds that nothing is lost and the order of each is kept when many
// push, also while items come and go.
func TestManyPush(t *testing.T) {
	const many, each = 8, 2000
	var b bus
	cfg := b.config()
	cfg.MaxBatch = 7
	cfg.Size = func(int) int { return 1 }
	calls := 0
	b.fail = func(batch []int) (int, error) {
		if calls++; calls%5 == 0 {
			return calls % 3, nil // fewer than there are
		}
		return len(batch), nil
	}
	cfg.Retry, cfg.Backoff = true, func(int) time.Duration { return time.Microsecond }
	o := New(cfg)
	var pushing sync.WaitGroup
	for who := range many {
		pushing.Go(func() {
			for n := range each {
				if err := o.Push(who*each + n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	pushing.Wait()
	closed(t, o, time.Minute, nil)
	next := make([]int, many)
	for _, item := range b.sent {
		if who := item / each; item%each != next[who] {
			t.Fatalf("%d of %d came instead of %d", item%each, who, next[who])
		} else {
			next[who]++
		}
	}
	if len(b.sent) != many*each || o.bytes != 0 {
		t.Errorf("%d were sent, %d bytes are left", len(b.sent), o.bytes)
	}
}

func BenchmarkPush(b *testing.B) {
	o := New(Config[[]byte]{Size: func(p []byte) int { return len(p) }, MaxItems: 1 << 30,
		Send: func(_ context.Context, batch [][]byte) (int, error) { return len(batch), nil }})
	item := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		_ = o.Push(item)
	}
	_ = o.Close(context.Background())
}
