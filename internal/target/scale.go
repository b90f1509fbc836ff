package target

import (
	"flag"

	"github.com/kawat-go/kawat/internal/race"
)

// ScaleFlag makes the flag -scale of a suite, and two functions that go by it.
//
// scaled returns a share of a number of clients, requests or rounds; there is always one
// at least. whole reports whether the suite runs in half its size at least, alone on the
// machine and without the race detector, so that time and memory can be judged.
func ScaleFlag() (scale *float64, scaled func(n int) int, whole func() bool) {
	scale = flag.Float64("scale", 0.01, "how much of the suite to run: 1 for all of it")
	scaled = func(n int) int { return max(1, int(float64(n)**scale)) }
	whole = func() bool { return *scale >= 0.5 && !race.Enabled }
	return scale, scaled, whole
}
