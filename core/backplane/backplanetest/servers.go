package backplanetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// Servers are nodes of one cluster, each with two clients: a0 and b0 of the first, a1
// and b1 of the second, and so on.
type servers struct {
	*cluster
	nodes   []*socketio.Server
	clients map[string]*siotest.Client
	number  atomic.Int64 // of events, so that none is taken for another
}

func newServers(t *testing.T, cfg Config, n int) *servers {
	s := &servers{cluster: newCluster(t, cfg), clients: make(map[string]*siotest.Client)}
	for i := range n {
		io := s.add()
		for _, name := range []string{"a", "b"} {
			s.clients[fmt.Sprint(name, i)] = siotest.Dial(t, io, siotest.Options{Timeout: cfg.Patience})
		}
	}
	s.know("/")
	return s
}

// add makes a server.
func (s *servers) add() *socketio.Server {
	s.Helper()
	io, err := socketio.New(socketio.Config{
		Backplane: s.cfg.New(s.T, s.name), Logger: discard(), BackplaneTimeout: s.cfg.Patience,
		CleanupEmptyChildNamespaces: true, PingInterval: time.Hour,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = io.Close() })
	s.nodes = append(s.nodes, io)
	return io
}

// know waits until the servers hear each other in a namespace.
func (s *servers) know(namespace string) {
	s.Helper()
	for _, io := range s.nodes {
		io.Of(namespace).OnServerSide("knows", func(_ context.Context, e *socketio.ServerSideEvent) error { return e.Ack(1) })
	}
	for _, io := range s.nodes {
		s.until("the servers know each other", func() bool {
			ctx, cancel := context.WithTimeout(s.Context(), time.Second)
			defer cancel()
			replies, err := io.Of(namespace).ServerSideEmitWithAck(ctx, "knows")
			return err == nil && len(replies) == len(s.nodes)-1 && io.Stats().Backplane.Nodes == len(s.nodes)-1
		})
	}
}

// socket returns the server's side of a client.
func (s *servers) socket(name string) *socketio.Socket {
	s.Helper()
	socket := s.nodes[name[1]-'0'].Socket(s.clients[name].ID())
	if socket == nil {
		s.Fatalf("%s has no socket", name)
	}
	return socket
}

func (s *servers) id(name string) string { return s.clients[name].ID() }

// all returns the names of all clients, in order.
func (s *servers) all() []string {
	var all []string
	for name := range s.clients {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// reaches emits an event from a server, and checks that it reaches these clients, by
// their names, and nobody else. What is said to everybody behind it marks when all must
// have got it.
func (s *servers) reaches(what string, from int, to socketio.Emitter, want string) {
	s.Helper()
	if got := s.reached(from, to); got != want {
		s.Errorf("%s: reached %q, want %q", what, got, want)
	}
}

// soon is reaches for an event that may not reach all at once, since a bus must be told
// of a new room.
func (s *servers) soon(what string, from int, to socketio.Emitter, want string) {
	s.Helper()
	var got string
	s.until(what, func() bool {
		got = s.reached(from, to)
		return len(got) >= len(want)
	})
	if got != want {
		s.Errorf("%s: reached %q, want %q", what, got, want)
	}
}

func (s *servers) reached(from int, to socketio.Emitter) string {
	s.Helper()
	event, fence := fmt.Sprint("event ", s.number.Add(1)), fmt.Sprint("fence ", s.number.Add(1))
	s.must(to.Emit(event))
	s.must(s.nodes[from].Emit(fence))
	var reached []string
	for _, name := range s.all() {
		var events []siotest.Event
		s.until("what is said to all", func() bool {
			events = append(events, s.clients[name].Events()...)
			return slices.ContainsFunc(events, func(e siotest.Event) bool { return e.Name == fence })
		})
		for _, e := range events {
			if e.Name == event {
				reached = append(reached, name)
			}
		}
	}
	return strings.Join(reached, " ")
}

func (s *servers) must(err error) {
	s.Helper()
	if err != nil {
		s.Error(err)
	}
}

// answers lets the clients acknowledge an event.
func (s *servers) answers(event string, value func(i int) any) {
	for i, name := range s.all() {
		s.clients[name].On(event, func(e siotest.Event) { e.Ack(value(i)) })
	}
}

func (s *servers) last() int { return len(s.nodes) - 1 }
