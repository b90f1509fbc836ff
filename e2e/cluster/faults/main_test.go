//go:build linux

package faults

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

var scale = flag.Float64("scale", 0.1, "how much of the suite to run: 1 for all of it")

// scaled returns a share of a time or of a number of rounds, as -scale says.
func scaled[T ~int | ~int64](n T) T { return max(1, T(float64(n)**scale)) }

// roleKey names the variable that makes a process a part of a test; argsKey has what
// it needs, as JSON.
const (
	roleKey = "KAWAT_FAULTS_ROLE"
	argsKey = "KAWAT_FAULTS_ARGS"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goredis.SetLogger(new(logging.VoidLogger))
	if role := os.Getenv(roleKey); role != "" {
		if err := roles[role](os.Getenv(argsKey)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "32") // they wait, mostly
	os.Exit(m.Run())
}

// roles are what a process can be besides the test itself.
var roles = map[string]func(args string) error{"natsd": runNATS, "node": runNode}

// eventually waits until something is so, and returns how long that took.
func eventually(t testing.TB, limit time.Duration, what string, so func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !so() {
		if time.Since(start) > limit {
			t.Fatalf("%v have passed, but not: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(start)
}
