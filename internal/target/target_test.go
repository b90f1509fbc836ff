package target_test

import (
	"os"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/hosts"
	"github.com/kawat-go/kawat/internal/target"
)

func TestMain(m *testing.M) { os.Exit(target.Main(m)) }

func TestTarget(t *testing.T) {
	for _, host := range hosts.Names() {
		t.Run(host, func(t *testing.T) {
			server := target.Start(t, target.Settings{Host: host, Recovery: time.Minute})
			before := server.Leaks()
			if before.Leaked != 0 || before.Goroutines == 0 || before.Heap == 0 || before.RSS == 0 || before.Descriptors == 0 {
				t.Fatalf("the first snapshot: %+v", before)
			}
			canary := server.Canary()
			server.Eventually(func(s target.Snapshot) error {
				if n, _ := canary.Echoes(); n < 10 {
					return os.ErrDeadlineExceeded
				}
				return nil
			})
			if s := server.Snapshot(); s.IO.Sockets != 1 || s.IO.Engine.WebSockets != 1 {
				t.Errorf("with one client: %+v", s)
			}
			canary.Stop(t)
			server.Recovers(before)
			if err := server.Shutdown(5 * time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}
