package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	values := []uint64{0, 1, 127, 128, 129, 255, 256, 257, 1e6, 123456789, math.MaxInt64 - 1, math.MaxInt64}
	for range 1000 {
		values = append(values, rand.Uint64()>>(1+rand.IntN(62)))
	}
	for _, v := range values {
		b := bucketOf(v)
		top := highestIn(b)
		if top < v || top-v > v/64 {
			t.Fatalf("%d is in the bucket up to %d", v, top)
		}
		if bucketOf(top) != b || bucketOf(top+1) != b+1 {
			t.Fatalf("the bucket of %d does not end at %d", v, top)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(rand.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		h.Record(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.99, 0.999, 1} {
		want := all[max(int(math.Ceil(q*10_000))-1, 0)]
		if got := h.Quantile(q); got < want || got > want+want/64+1 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if h.Quantile(1) != all[len(all)-1] {
		t.Error("the highest is not what was recorded")
	}
	if h.Count() != 10_000 {
		t.Errorf("%d were counted", h.Count())
	}
	h.Reset()
	h.Record(-time.Second)
	if h.Count() != 1 || h.Quantile(1) != 0 {
		t.Errorf("after a reset and one below zero: %d, up to %v", h.Count(), h.Quantile(1))
	}
	h.Record(math.MaxInt64)
	if h.Quantile(1) != math.MaxInt64 {
		t.Errorf("the longest is %v", h.Quantile(1))
	}
}

func TestHistogramAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Record(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
