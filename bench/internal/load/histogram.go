package load

import (
	"math/bits"
	"time"
)

// Values below 2^subBits have a bucket each; above, each power of two has
// 2^(subBits-1) of them, so that a bucket is never wider than 1/64 of its values.
const subBits = 7

// A Histogram counts durations. Recording costs a few instructions and no
// allocation; what comes out is exact to 1.6 %.
type Histogram struct {
	counts [(64 - subBits + 2) << (subBits - 1)]uint64
	total  uint64
	max    time.Duration
}

func bucketOf(v uint64) int {
	shift := bits.Len64(v) - subBits
	if shift <= 0 {
		return int(v)
	}
	return shift<<(subBits-1) + int(v>>shift)
}

// highestIn is the largest value of a bucket.
func highestIn(bucket int) uint64 {
	shift := bucket>>(subBits-1) - 1
	if shift <= 0 {
		return uint64(bucket)
	}
	top := uint64(bucket - shift<<(subBits-1))
	return (top+1)<<shift - 1
}

// Record counts d; what is below zero counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(uint64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Quantile returns a duration that the share q of all recorded ones does not
// exceed; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(uint64(q*float64(h.total)+0.999999), 1)
	seen := uint64(0)
	for bucket, n := range h.counts {
		if seen += n; seen >= rank {
			return min(time.Duration(highestIn(bucket)), h.max)
		}
	}
	return h.max
}

// Reset forgets everything.
func (h *Histogram) Reset() { *h = Histogram{} }
