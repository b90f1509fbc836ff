package expiry_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

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
	synctest.Test(t, func(t *testing.T) {
		q := expiry.New(time.Hour, func(int) { t.Error("expired") })
		for range 1000 {
			entry := &expiry.Entry[int]{}
			q.Add(entry)
			q.Remove(entry)
		}
		// With a timer left, the sleep below would call expire.
		time.Sleep(2 * time.Hour)
	})
}
