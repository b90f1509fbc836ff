package postgres

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/internal/testservers"
)

var shared struct {
	once   sync.Once
	server *testservers.Postgres
	err    error
}

// server returns the server that most tests share, each with names of its own.
func server(t testing.TB) *testservers.Postgres {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = testservers.NewPostgres() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Close()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
