package attack

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

var scale, scaled, whole = target.ScaleFlag()

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
