package target_test

import (
	"fmt"
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

// Several nodes have their addresses, and a stranger hears what it is told.
func TestNodes(t *testing.T) {
	server := target.Start(t, target.Settings{Nodes: 2})
	if len(server.Addrs) != 2 || server.Addr != server.Addrs[0] || server.Addrs[0] == server.Addrs[1] {
		t.Fatalf("%q", server.Addrs)
	}
	before := server.Snapshot()
	one, err := server.Stranger()
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Post(1, []byte("\xff"), []byte("\xfe")); err != nil {
		t.Fatal(err)
	}
	server.Eventually(func(s target.Snapshot) error {
		if len(s.Others) != 1 || s.Others[0].IgnoredMail != 2 || s.IO.IgnoredMail != 0 {
			return os.ErrDeadlineExceeded
		}
		return nil
	})
	// A roll call, which is answered.
	if err := one.Post(0, []byte("\x01\x08\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	server.Eventually(func(target.Snapshot) error {
		if mail, err := one.Mail(); err != nil || len(mail) != 1 || string(mail[0]) != "\x01\x48\x00\x00" {
			return fmt.Errorf("%q, %w", mail, err)
		}
		return nil
	})
	if err := one.Post(2, nil); err == nil {
		t.Error("there is a third node")
	}
	if err := one.Leave(); err != nil {
		t.Error(err)
	}
	if _, err := one.Mail(); err == nil {
		t.Error("a stranger that has left gets mail")
	}
	server.Recovers(before)
}
