package expiry_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEntriesExpireInOrderAndOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var names []string
		var times []time.Duration
		q := expiry.New(time.Second, func(name string) {
			names = append(names, name)
			times = append(times, time.Since(start))
		})
		entries := map[string]*expiry.Entry[string]{}
		for _, name := range []string{"a", "b", "c", "d"} {
			entries[name] = &expiry.Entry[string]{Value: name}
			q.Add(entries[name])
			time.Sleep(100 * time.Millisecond)
		}
		q.Remove(entries["a"]) // the first, which the timer waits for
		q.Add(entries["b"])    // begins anew, at 400 ms
		time.Sleep(2 * time.Second)
		synctest.Wait()

		if want := []string{"c", "d", "b"}; !slices.Equal(names, want) {
			t.Errorf("expired %v, want %v", names, want)
		}
		want := []time.Duration{1200 * time.Millisecond, 1300 * time.Millisecond, 1400 * time.Millisecond}
		if !slices.Equal(times, want) {
			t.Errorf("expired at %v, want %v", times, want)
		}
	})
}

func TestAnEntryMayBeAddedAgainWhenItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q *expiry.Queue[*expiry.Entry[int]]
		entry := &expiry.Entry[*expiry.Entry[int]]{}
		rounds := 0
		q = expiry.New(time.Second, func(*expiry.Entry[int]) {
			if rounds++; rounds < 5 {
				q.Add(entry)
			}
		})
		q.Add(entry)
		time.Sleep(time.Minute)
		synctest.Wait()
		if rounds != 5 {
			t.Errorf("expired %d times, want 5", rounds)
		}
	})
}

func TestRemovingIsHarmlessAtAnyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expired := 0
		q := expiry.New(time.Second, func(int) { expired++ })
		entry := &expiry.Entry[int]{}
		q.Remove(entry) // never added
		q.Add(entry)
		time.Sleep(2 * time.Second)
		q.Remove(entry) // already expired
		q.Remove(entry)
		if expired != 1 {
			t.Errorf("expired %d times, want 1", expired)
		}
	})
}

// A timer that nobody needs would keep the queue, and what its entries point to,
// alive.
func TestAnEmptyQueueHasNoTimer(t *testing.T) {
	q := expiry.New(time.Hour, func(int) { t.Error("expired") })
	for range 1000 {
		entry := &expiry.Entry[int]{}
		q.Add(entry)
		q.Remove(entry)
	}
	left := weak.Make(q)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if runtime.GC(); left.Value() == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("something holds on to the queue")
}

// What expire does takes no lock that adding or removing would wait for, and the
// entries behind it come later, but come.
func TestExpireMayTakeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var times []time.Duration
		q := expiry.New(time.Second, func(wait time.Duration) {
			times = append(times, time.Since(start))
			time.Sleep(wait)
		})
		first := &expiry.Entry[time.Duration]{Value: 3 * time.Second}
		q.Add(first)
		second := &expiry.Entry[time.Duration]{}
		q.Add(second)
		time.Sleep(1500 * time.Millisecond) // in the middle of the first one's
		removed := &expiry.Entry[time.Duration]{}
		q.Add(removed)
		q.Remove(removed)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if want := []time.Duration{time.Second, 4 * time.Second}; !slices.Equal(times, want) {
			t.Errorf("expired at %v, want %v", times, want)
		}
	})
}

// Entries that others remove and add again all the time expire once for each time
// that they were left alone.
func TestManyGoroutinesShareAQueue(t *testing.T) {
	const wait = 2 * time.Millisecond
	var expired atomic.Int64
	q := expiry.New(wait, func(n *atomic.Int64) { n.Add(1); expired.Add(1) })
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			for range 200 {
				var count atomic.Int64
				entry := &expiry.Entry[*atomic.Int64]{Value: &count}
				for range random.IntN(5) {
					q.Add(entry)
					if random.IntN(2) == 0 {
						q.Remove(entry)
					}
				}
				before := count.Load()
				q.Add(entry)
				if random.IntN(4) > 0 {
					q.Remove(entry)
					continue
				}
				for deadline := time.Now().Add(time.Minute); count.Load() == before; time.Sleep(wait / 4) {
					if time.Now().After(deadline) {
						t.Error("an entry never expires")
						return
					}
				}
			}
		})
	}
	wg.Wait()
	time.Sleep(5 * wait)
	if now := expired.Load(); now == 0 {
		t.Error("nothing has expired")
	}
}
