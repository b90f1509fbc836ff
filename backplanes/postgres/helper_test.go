package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kawat-go/kawat/core/backplane"
)

// waitFor is how long a test waits for what has to happen, on a machine that is busy.
const waitFor = 20 * time.Second

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitFor); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func pool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

var names atomic.Int64

// apart returns a Config whose nodes hear no other test's.
func apart(t testing.TB) Config {
	t.Helper()
	name := fmt.Sprintf("t%d", names.Add(1))
	return Config{Pool: pool(t, server(t).URL()), ChannelPrefix: name, TableName: name, CreateTable: true}
}

// A member is a node whose host remembers all.
type member struct {
	backplane.Node
	t testing.TB

	mu      sync.Mutex
	came    []backplane.Message
	relayed []string // who and what
	gone    []string
	events  []backplane.Event
}

func (m *member) host() backplane.Host {
	return backplane.Host{
		Receive: func(message backplane.Message) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.came = append(m.came, message)
		},
		Relay: func(from string, data []byte) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.relayed = append(m.relayed, from+": "+string(data))
		},
		Left: func(node string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.gone = append(m.gone, node)
		},
		Observe: func(e backplane.Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.events = append(m.events, e)
		},
		Logger: slog.New(slog.DiscardHandler),
	}
}

// join adds a node that has some namespaces open.
func join(t testing.TB, b backplane.Backplane, namespaces ...string) *member {
	t.Helper()
	m := &member{t: t}
	ctx, cancel := context.WithTimeout(t.Context(), waitFor)
	defer cancel()
	n, err := b.Join(ctx, m.host())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	m.Node = n
	for _, namespace := range namespaces {
		n.Open(namespace)
	}
	return m
}

// knows waits until a member has others for peers in a namespace, and nobody else.
func (m *member) knows(namespace string, others ...string) {
	m.t.Helper()
	slices.Sort(others)
	until(m.t, fmt.Sprintf("%s knows %q in %.50q", m.ID(), others, namespace), func() bool {
		peers, err := m.Peers(m.t.Context(), namespace)
		slices.Sort(peers.IDs)
		return err == nil && slices.Equal(peers.IDs, others) && peers.Count == len(others)
	})
}

// meet waits until all members know each other in a namespace.
func meet(namespace string, members ...*member) {
	for _, m := range members {
		m.t.Helper()
		var others []string
		for _, other := range members {
			if other != m {
				others = append(others, other.ID())
			}
		}
		m.knows(namespace, others...)
	}
}

func (m *member) messages() []backplane.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.came)
}

// said returns what was said, and who was said to have left.
func (m *member) said() (all []string) {
	for _, message := range m.messages() {
		if message.Kind == backplane.NodeLeft {
			all = append(all, "left: "+message.From)
		} else {
			all = append(all, string(message.Data.JSON))
		}
	}
	return all
}

// hears waits until a member was given messages, and looks whether it is these.
func (m *member) hears(want ...string) {
	m.t.Helper()
	for deadline := time.Now().Add(waitFor); len(m.messages()) < len(want) && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	if got := m.said(); !slices.Equal(got, want) {
		m.t.Fatalf("%s heard %.2000q, want %.2000q", m.ID(), got, want)
	}
}

func (m *member) event(kind backplane.EventKind) (found []backplane.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func event(namespace, json string, attachments ...[]byte) backplane.Message {
	return backplane.Message{Kind: backplane.Broadcast, Namespace: namespace, Data: backplane.Data{JSON: []byte(json), Attachments: attachments}}
}

func (m *member) publish(message backplane.Message) {
	m.t.Helper()
	if err := m.Publish(message); err != nil {
		m.t.Fatal(err)
	}
}

// A tap hears the notifications of a channel.
type tap struct {
	mu    sync.Mutex
	heard []string
}

func listen(t testing.TB, c Config, channels ...string) *tap {
	t.Helper()
	tap := new(tap)
	config := c.Pool.Config().ConnConfig
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
		tap.mu.Lock()
		defer tap.mu.Unlock()
		tap.heard = append(tap.heard, n.Payload)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for _, channel := range channels {
		if _, err := conn.Exec(t.Context(), "LISTEN "+quote(channel)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for conn.PgConn().WaitForNotification(ctx) == nil {
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = conn.Close(context.Background())
	})
	return tap
}

// with returns the notifications that have something in them.
func (p *tap) with(part string) (found []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, payload := range p.heard {
		if strings.Contains(payload, part) {
			found = append(found, payload)
		}
	}
	return found
}

func exec(t testing.TB, c Config, sql string, args ...any) {
	t.Helper()
	if _, err := c.Pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// notify sends a notification as another program would.
func notify(t testing.TB, c Config, channel, payload string) {
	t.Helper()
	exec(t, c, "SELECT pg_notify($1, $2)", channel, payload)
}
