package redis

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/faultproxy"
	"github.com/kawat-go/kawat/internal/testservers"
)

// streamsConfig returns that of a cluster of its own, on the server that all share. A
// machine that is busy must not have its messages take another way.
func streamsConfig(t testing.TB) StreamsConfig { return streamsOn(t, server.Addr()) }

func streamsOn(t testing.TB, addr string) StreamsConfig {
	c := StreamsConfig{Config: Config{Client: connect(t, addr), Prefix: prefix()}, EchoPatience: patience}
	c.StreamName, c.SessionKeyPrefix = c.Prefix, c.Prefix+":"
	return c
}

// at returns the same configuration for another address of the server.
func (c StreamsConfig) at(t testing.TB, addr string) StreamsConfig {
	c.Client = connect(t, addr)
	return c
}

// A streamsMember is a node with streams, and what its host was given.
type streamsMember struct {
	*streamsNode
	seen *member
	t    testing.TB
}

const streamsNamespace = "/streams"

func joinStreams(t testing.TB, c StreamsConfig, also func(backplane.Message)) *streamsMember {
	t.Helper()
	m := &streamsMember{seen: &member{t: t}, t: t}
	joined, err := Streams(c).Join(context.Background(), m.seen.host(also))
	if err != nil {
		t.Fatal(err)
	}
	m.streamsNode = joined.(*streamsNode)
	m.seen.node = m.streamsNode.node
	t.Cleanup(func() { _ = m.Close() })
	m.Open(streamsNamespace)
	m.seen.settle()
	eventually(t, "the stream", func() bool { return !m.Head(streamsNamespace).IsZero() })
	return m
}

var texts atomic.Int64

// say publishes events, which the node wants back, and returns their texts.
func (m *streamsMember) say(n int) (said []string) {
	m.t.Helper()
	for range n {
		text := fmt.Sprint("event ", texts.Add(1))
		e := event(streamsNamespace, text)
		e.Echo, e.Note = true, text
		if err := m.Publish(e); err != nil {
			m.t.Error(err)
		}
		said = append(said, `["`+text+`"]`)
	}
	return said
}

// wants waits until just these events have come.
func (m *streamsMember) wants(events []string) {
	m.t.Helper()
	defer func() {
		if m.t.Failed() {
			m.t.Logf("%d came; of the link: %+v", len(m.seen.received()), m.seen.events)
		}
	}()
	eventually(m.t, fmt.Sprint(len(events), " events"), func() bool { return len(m.seen.received()) >= len(events) })
	if got := m.seen.texts(); !slices.Equal(got, events) {
		m.t.Fatalf("came %q\nwant %q", got, events)
	}
}

// stored returns the data of the entries in a stream, those that have some.
func stored(t testing.TB, client goredis.UniversalClient, stream string) (all []string) {
	t.Helper()
	messages, err := client.XRange(context.Background(), stream, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if data, has := m.Values["data"]; has {
			all = append(all, fmt.Sprint(data))
		}
	}
	return all
}

// proxied starts a proxy in front of a server.
func proxied(t testing.TB, r *testservers.Redis) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Start(r.Addr(), faultproxy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// writerConn returns the connection over which a node writes: the one that has brought
// more to the server since, if only it writes.
func writerConn(t testing.TB, p *faultproxy.Proxy, write func()) *faultproxy.Conn {
	t.Helper()
	before := map[*faultproxy.Conn]int64{}
	for _, c := range p.Conns() {
		before[c] = c.Up()
	}
	write()
	var found *faultproxy.Conn
	eventually(t, "the connection", func() bool {
		most := int64(0)
		for _, c := range p.Conns() {
			if n := c.Up() - before[c]; n > most {
				most, found = n, c
			}
		}
		return most > 5000
	})
	return found
}

// exit ends the goroutine, as t.FailNow would.
func exit() { runtime.Goexit() }
