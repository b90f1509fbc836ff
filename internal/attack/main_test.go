package attack

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

var scale = flag.Float64("scale", 0.01, "how much of the volumes to send: 1 for all of it")

// scaled returns a share of a number of clients or requests, as -scale says. There
// is always one at least.
func scaled(n int) int { return max(1, int(float64(n)**scale)) }

// whole reports whether the suite runs in half its size at least, alone on the machine and
// without the race detector, so that times can be judged.
func whole() bool { return *scale >= 0.5 && !raceEnabled }

// atOnce is how many rows run side by side: most of them wait, most of the time.
const atOnce = "32"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(target.Main(m))
}

// bound returns how long something may take that must take no longer than d: a good
// deal more where times are not judged.
func bound(d time.Duration) time.Duration {
	if whole() {
		return d
	}
	return d + target.Patience
}
