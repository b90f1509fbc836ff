package socketio_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// patience is how long tests wait for what must come: a machine that is busy with
// other things may take its time.
const patience = time.Minute

// eventually waits for a condition, outside of bubbles.
func eventually(t *testing.T, what string, there func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !there(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// A server of a test remembers what it has logged.
type server struct {
	*socketio.Server
	logs *logs
}

// serve makes a server, and checks at the test's end that nothing is left in it.
func serve(t testing.TB, cfg socketio.Config) *server {
	t.Helper()
	return serveBy(t, cfg, socketio.New)
}

// serveBy is serve for a server that is made in another way.
func serveBy(t testing.TB, cfg socketio.Config, make func(socketio.Config) (*socketio.Server, error)) *server {
	t.Helper()
	s := &server{logs: new(logs)}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	var err error
	if s.Server, err = make(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		var stats socketio.Stats
		for end := time.Now().Add(patience); time.Now().Before(end); {
			stats = s.Stats()
			if stats.Sockets == 0 && stats.Rooms == 0 && stats.PendingAcks == 0 && stats.Engine.Sessions == 0 && stats.Engine.QueuedBytes == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("left at the end: %+v", stats)
	})
	return s
}

type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) want(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(l.String(), text) {
		t.Errorf("the log has no %q:\n%s", text, l)
	}
}

// A list is what happened, in order.
type list struct {
	mu    sync.Mutex
	items []string
}

func (l *list) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, fmt.Sprintf(format, args...))
}

func (l *list) got() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.items)
}

func (l *list) want(t *testing.T, want ...string) {
	t.Helper()
	if got := l.got(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// reasons lists why sockets disconnected.
func reasons(io interface {
	OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason))
}) *list {
	l := new(list)
	io.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { l.add("%s", reason) })
	return l
}

// settle waits, in a bubble, until server and clients have done what they can.
func settle() {
	synctest.Wait()
	time.Sleep(10 * time.Millisecond) // the server holds OnConnection back for a moment
	synctest.Wait()
}

func dial(t testing.TB, io engine.Endpoint) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, io, siotest.Options{})
}

// socketOf returns the server's side of a client.
func socketOf(t testing.TB, n *socketio.Namespace, c *siotest.Client) *socketio.Socket {
	t.Helper()
	s := n.Socket(c.ID())
	if s == nil {
		t.Fatalf("no socket %q", c.ID())
	}
	return s
}

func names(events []siotest.Event) []string {
	names := []string{}
	for _, e := range events {
		names = append(names, e.Name)
	}
	return names
}

func wantEvents(t *testing.T, what string, c *siotest.Client, want ...string) {
	t.Helper()
	if got := names(c.Events()); !slices.Equal(got, want) {
		t.Errorf("%s got %q, want %q", what, got, want)
	}
}

func wantRaw(t *testing.T, what string, c *siotest.Client, want ...any) {
	t.Helper()
	if got := c.Raw(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, io engine.Endpoint) *siotest.Client {
	t.Helper()
	return siotest.Open(t, io, siotest.Options{})
}
