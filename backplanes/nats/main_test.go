package nats_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quietly = slog.New(slog.NewTextHandler(io.Discard, nil))

// start starts a server that ends with the test.
func start(t testing.TB, c embedded.Config) *embedded.Server {
	t.Helper()
	if c.Logger == nil {
		c.Logger = quietly
	}
	s, err := embedded.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A host remembers what it was told.
type host struct {
	backplane.Node
	answer func(h *host, m backplane.Message)

	mu     sync.Mutex
	came   []backplane.Message
	left   []string
	mail   []string
	events []backplane.Event
}

func (h *host) host() backplane.Host {
	return backplane.Host{
		Receive: func(m backplane.Message) {
			h.mu.Lock()
			h.came = append(h.came, m)
			h.mu.Unlock()
			if h.answer != nil {
				h.answer(h, m)
			}
		},
		Relay: func(from string, data []byte) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.mail = append(h.mail, from+":"+string(data))
		},
		Left: func(node string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.left = append(h.left, node)
		},
		Observe: func(e backplane.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
		},
		Logger: quietly,
	}
}

// join adds a node that leaves with the test.
func join(t testing.TB, plane backplane.Backplane, namespaces ...string) *host {
	t.Helper()
	h := new(host)
	h.join(t, plane, namespaces...)
	return h
}

func (h *host) join(t testing.TB, plane backplane.Backplane, namespaces ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node, err := plane.Join(ctx, h.host())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	h.Node = node
	for _, namespace := range namespaces {
		node.Open(namespace)
	}
}

// spawn starts a process, which is spoken to by its input and output.
func spawn(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		out, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}

const patience = 30 * time.Second

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func (h *host) peers(t testing.TB, namespace string) []string {
	t.Helper()
	p, err := h.Peers(t.Context(), namespace)
	if err != nil || p.Count != len(p.IDs) {
		t.Fatalf("peers %v: %v", p, err)
	}
	return slices.Sorted(slices.Values(p.IDs))
}

// meet waits until nodes know of each other.
func meet(t testing.TB, namespace string, all ...*host) {
	t.Helper()
	for _, h := range all {
		var want []string
		for _, other := range all {
			if other != h {
				want = append(want, other.ID())
			}
		}
		slices.Sort(want)
		eventually(t, fmt.Sprintf("%s knows %q in %q", h.ID(), want, namespace), func() bool {
			return slices.Equal(h.peers(t, namespace), want)
		})
	}
}

func (h *host) messages() []backplane.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.came)
}

// has reports whether a message with that request came.
func (h *host) has(request string) bool {
	return slices.ContainsFunc(h.messages(), func(m backplane.Message) bool { return m.Request == request })
}

func (h *host) saw(kind backplane.EventKind) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func publish(t testing.TB, h *host, m backplane.Message) {
	t.Helper()
	if err := h.Publish(m); err != nil {
		t.Error(err)
	}
}

func emit(namespace, request string) backplane.Message {
	return backplane.Message{
		Kind: backplane.ServerSideEmit, Namespace: namespace, Request: request,
		Data: backplane.Data{JSON: []byte(`["x"]`)},
	}
}
