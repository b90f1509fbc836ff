package redis

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/testservers"
)

// server is what all tests share that do not end it.
var server *testservers.Redis

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if server, err = testservers.NewRedis(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Close()
		code := m.Run()
		if err := goleak.Find(goleak.IgnoreTopFunction("github.com/kawat-go/kawat/internal/testservers.runRedis"),
			goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"), goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2")); code == 0 && err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

var clusters atomic.Int64

// prefix returns a name that nobody else has.
func prefix() string { return fmt.Sprint("test", clusters.Add(1)) }

// connect makes a client of a server.
func connect(t testing.TB, addr string) *goredis.Client {
	c := goredis.NewClient(&goredis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// config returns that of a cluster of its own, on the server that all share.
func config(t testing.TB) Config { return Config{Client: connect(t, server.Addr()), Prefix: prefix()} }

// A member is a node, and what its host was given.
type member struct {
	*node
	t testing.TB

	mu       sync.Mutex
	messages []backplane.Message
	letters  []string
	left     []string
	events   []backplane.Event
}

func (m *member) host(also func(backplane.Message)) backplane.Host {
	note := func(f func()) {
		m.mu.Lock()
		defer m.mu.Unlock()
		f()
	}
	return backplane.Host{
		Receive: func(got backplane.Message) {
			note(func() { m.messages = append(m.messages, got) })
			if also != nil {
				also(got)
			}
		},
		Relay: func(from string, data []byte) {
			note(func() { m.letters = append(m.letters, from+" "+string(data)) })
		},
		Left:    func(node string) { note(func() { m.left = append(m.left, node) }) },
		Observe: func(e backplane.Event) { note(func() { m.events = append(m.events, e) }) },
		Logger:  slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// join adds a member with namespaces, and waits until it hears them.
func join(t testing.TB, b backplane.Backplane, namespaces ...string) *member {
	t.Helper()
	return joinAnd(t, b, nil, namespaces...)
}

func joinAnd(t testing.TB, b backplane.Backplane, also func(backplane.Message), namespaces ...string) *member {
	t.Helper()
	m := &member{t: t}
	joined, err := b.Join(context.Background(), m.host(also))
	if err != nil {
		t.Fatal(err)
	}
	m.node = joined.(*node)
	t.Cleanup(func() { _ = m.Close() })
	for _, namespace := range namespaces {
		m.Open(namespace)
	}
	m.settle()
	return m
}

// settle waits until what the member wants is subscribed to.
func (m *member) settle() {
	m.t.Helper()
	m.bus.mu.Lock()
	var topics []topic
	for t := range m.bus.topics {
		topics = append(topics, t)
	}
	m.bus.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := m.bus.await(ctx, nil, topics...); err != nil {
		m.t.Fatal(err)
	}
}

// patience is how long something may take that is to happen.
const patience = 30 * time.Second

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func (m *member) received() []backplane.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.messages)
}

func (m *member) observed(kind backplane.EventKind) (events []backplane.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

// wait waits for a number of messages, and returns them.
func (m *member) wait(n int) []backplane.Message {
	m.t.Helper()
	eventually(m.t, fmt.Sprintf("%d messages", n), func() bool { return len(m.received()) >= n })
	got := m.received()
	if len(got) > n {
		m.t.Fatalf("%d messages came, not %d: %+v", len(got), n, got)
	}
	return got
}

func (m *member) publish(message backplane.Message) {
	m.t.Helper()
	if err := m.Publish(message); err != nil {
		m.t.Error(err)
	}
}

// event is a broadcast of an event that has a text.
func event(namespace, text string, rooms ...string) backplane.Message {
	return backplane.Message{
		Kind: backplane.Broadcast, Namespace: namespace, Options: backplane.Options{Rooms: rooms},
		Data: backplane.Data{JSON: []byte(`["` + text + `"]`)},
	}
}

// texts returns the events that were received, in order.
func (m *member) texts() (texts []string) {
	for _, got := range m.received() {
		texts = append(texts, string(got.Data.JSON))
	}
	return texts
}

// both runs a test with either format.
func both(t *testing.T, run func(t *testing.T, make func(Config) backplane.Backplane)) {
	t.Run("Classic", func(t *testing.T) { run(t, Classic) })
	t.Run("Sharded", func(t *testing.T) { run(t, Sharded) })
}
