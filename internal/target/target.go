package target

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/hosts"
	"github.com/kawat-go/kawat/internal/process"
	"github.com/kawat-go/kawat/internal/race"
)

// Patience is how long a test waits for what must come, on a machine that may be
// busy with other things.
const Patience = 30 * time.Second

// A Target is a server that runs.
type Target struct {
	// Addr is where clients find it: host and port. Addrs are all of its nodes, Addr
	// the first of them.
	Addr  string
	Addrs []string

	t       testing.TB
	process *process.Process
	control string
}

// Start starts a server, which the test's end stops. The test fails if the server
// has ended before that, for whatever reason, or if the race detector, under which it
// runs if the test does, has found something.
func Start(t testing.TB, settings Settings) *Target {
	t.Helper()
	if settings.Host == "" {
		settings.Host = "nethttp"
	}
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(context.Background(), process.Spec{
		Name: "target on " + settings.Host, Path: path, Args: []string{"-settings", string(text)},
	})
	if err != nil {
		t.Fatal(err)
	}
	control, addrs, _ := strings.Cut(p.Addr(), " ")
	target := &Target{Addrs: strings.Fields(addrs), t: t, process: p, control: "http://" + control}
	target.Addr = target.Addrs[0]
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("the server has not survived: %v", err)
		}
	})
	return target
}

// Hosts are those that a suite runs on: all of them or, under the race detector, which
// is slow, one of each kind. Three of them are net/http's.
func Hosts() []string {
	if race.Enabled {
		return []string{"nethttp", "fiber"}
	}
	return hosts.Names()
}

// build builds the server, once for all tests of a process. Main removes it.
var build = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "kawat-target")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "server")
	args := []string{"build", "-o", path}
	if race.Enabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/kawat-go/kawat/internal/target/server")...)
	cmd.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("target: go build: %w: %s", err, out)
	}
	return path, nil
})

// Main runs the tests of a package that starts targets, in a temporary folder that
// goes with all that was built. Its TestMain ends with os.Exit(target.Main(m)).
func Main(m *testing.M) int {
	folder, err := os.MkdirTemp("", "kawat")
	if err == nil {
		defer os.RemoveAll(folder)
		err = os.Setenv("TMPDIR", folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Process returns the process, to be measured.
func (g *Target) Process() *process.Process { return g.process }

// Alive reports whether the server still runs.
func (g *Target) Alive() bool {
	select {
	case <-g.process.Exited():
		return false
	default:
		return true
	}
}

// ask asks the server's control, which answers status 200.
func (g *Target) ask(path string) ([]byte, error) {
	client := &http.Client{Timeout: 2 * Patience}
	defer client.CloseIdleConnections()
	res, err := client.Get(g.control + path)
	if err != nil {
		return nil, fmt.Errorf("target: %w; its last words: %s", err, g.process.Stderr())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("target: %s", strings.TrimSpace(string(body)))
	}
	return body, err
}

func (g *Target) snapshot(query string) Snapshot {
	g.t.Helper()
	body, err := g.ask("/snapshot" + query)
	if err != nil {
		g.t.Fatal(err)
	}
	var shot Snapshot
	if err := json.Unmarshal(body, &shot); err != nil {
		g.t.Fatal(err)
	}
	return shot
}

// Snapshot collects the server's garbage and returns its state.
func (g *Target) Snapshot() Snapshot { g.t.Helper(); return g.snapshot("") }

// Leaks is a snapshot with the profile of leaked goroutines, which takes longer.
func (g *Target) Leaks() Snapshot { g.t.Helper(); return g.snapshot("?leaks") }

// Goroutines returns the stacks of the server's goroutines, equal ones together.
func (g *Target) Goroutines() string {
	g.t.Helper()
	body, err := g.ask("/goroutines")
	if err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}

// Release lets the handlers of the event "block" return, now and from now on. It may
// be called once.
func (g *Target) Release() error { _, err := g.ask("/release"); return err }

// Log returns what the server has logged, the last few megabytes of it.
func (g *Target) Log() string {
	g.t.Helper()
	body, err := g.ask("/log")
	if err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}

// Emit emits an event to all clients of the main namespace.
func (g *Target) Emit(event, text string) error {
	_, err := g.ask("/emit?" + url.Values{"event": {event}, "text": {text}}.Encode())
	return err
}

// Shutdown shuts the server down in the documented order: Socket.IO, Engine.IO, the
// host.
func (g *Target) Shutdown(within time.Duration) error {
	_, err := g.ask("/shutdown?within=" + within.String())
	return err
}

// Drain moves the clients of Socket.IO away over a time, and has that ended by its
// context after another.
func (g *Target) Drain(over, within time.Duration) error {
	_, err := g.ask("/drain?over=" + over.String() + "&within=" + within.String())
	return err
}

// Eventually takes snapshots until one satisfies the condition, and returns it. The
// test fails if none does in time.
func (g *Target) Eventually(condition func(Snapshot) error) Snapshot {
	g.t.Helper()
	for deadline := time.Now().Add(Patience); ; time.Sleep(20 * time.Millisecond) {
		shot := g.Snapshot()
		err := condition(shot)
		if err == nil {
			return shot
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%v\n%s", err, g.Goroutines())
		}
	}
}

// Recovers waits until nothing of any client is left, and goroutines, descriptors and
// heap are back to where they were before.
func (g *Target) Recovers(before Snapshot) Snapshot {
	g.t.Helper()
	const (
		goroutines = 20      // the pools of goroutines that wait for work, and keep-alive connections
		heap       = 8 << 20 // what maps keep of their largest size
	)
	return g.Eventually(func(now Snapshot) error {
		if err := now.Empty(); err != nil {
			return err
		}
		if now.Goroutines > before.Goroutines+goroutines || now.Descriptors > before.Descriptors+goroutines ||
			now.Heap > before.Heap+heap {
			return fmt.Errorf("not back: %d goroutines, %d descriptors, %d bytes; before %d, %d, %d", now.Goroutines,
				now.Descriptors, now.Heap, before.Goroutines, before.Descriptors, before.Heap)
		}
		return nil
	})
}
