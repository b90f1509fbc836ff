package endurance

import (
	"flag"
	"os"
	"testing"

	"github.com/kawat-go/kawat/internal/target"
)

var scale, scaled, whole = target.ScaleFlag()

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(target.Main(m))
}
