package endurance

import (
	"flag"
	"os"
	"testing"

	"github.com/kawat-go/kawat/internal/target"
)

var scale = flag.Float64("scale", 0.01, "how much of the suite to run: 1 for all of it")

// scaled returns a share of a number of clients, trials or rounds, as -scale says.
// There is always one at least.
func scaled(n int) int { return max(1, int(float64(n)**scale)) }

// whole reports whether the suite runs in half its size at least, alone on the machine and
// without the race detector, so that time and memory can be judged.
func whole() bool { return *scale >= 0.5 && !raceEnabled }

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(target.Main(m))
}
