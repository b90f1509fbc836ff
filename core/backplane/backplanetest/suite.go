// Package backplanetest tests implementations of a backplane.
package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A Cluster is the nodes of one test: each call adds one. Those of another Cluster
// must not hear of them.
type Cluster func(ctx context.Context, h backplane.Host) (backplane.Node, error)

// Run runs the tests, each with a cluster of its own.
func Run(t *testing.T, newCluster func(t *testing.T) Cluster) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, c *cluster)
	}{
		{"Peers", testPeers},
		{"Publish", testPublish},
		{"Reply", testReply},
		{"Content", testContent},
		{"Order", testOrder},
		{"Reentrant", testReentrant},
		{"Goexit", testGoexit},
		{"Close", testClose},
		{"CloseInReceiver", testCloseInReceiver},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, &cluster{t: t, join: newCluster(t)}) })
	}
	t.Run("Apart", func(t *testing.T) {
		a, b := &cluster{t: t, join: newCluster(t)}, &cluster{t: t, join: newCluster(t)}
		one, other, stranger := a.add(nil), a.add(nil), b.add(nil)
		a.publish(one, message("x"))
		other.wait("x")
		stranger.wait()
		b.peers(stranger)
	})
}

type cluster struct {
	t    *testing.T
	join Cluster
}

// A member remembers what it was given.
type member struct {
	backplane.Node
	t    *testing.T
	mu   sync.Mutex
	came []backplane.Message
}

func (c *cluster) add(also func(m *member, message backplane.Message)) *member {
	c.t.Helper()
	m, joined := &member{t: c.t}, make(chan struct{})
	take := func(message backplane.Message) {
		m.mu.Lock()
		m.came = append(m.came, message)
		m.mu.Unlock()
		if also != nil {
			<-joined
			also(m, message)
		}
	}
	node, err := c.join(c.t.Context(), backplane.Host{
		Receive: take, Relay: func(string, []byte) {}, Left: func(string) {},
		Observe: func(backplane.Event) {}, Logger: slog.Default(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	node.Open(space)
	m.Node = node
	close(joined)
	c.t.Cleanup(func() { _ = node.Close() })
	return m
}

// patience is how long something may take that is to happen, and quiet how long
// nothing has to happen to be believed.
const (
	patience = 10 * time.Second
	quiet    = 50 * time.Millisecond
)

func (m *member) messages() []backplane.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.came)
}

func text(messages []backplane.Message) []string {
	text := []string{}
	for _, m := range messages {
		if m.Kind == backplane.NodeLeft {
			text = append(text, "left")
		} else {
			text = append(text, m.Request)
		}
	}
	return text
}

// wait waits until the member has been given messages, and no more than these.
func (m *member) wait(want ...string) {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	for len(m.messages()) < len(want) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(quiet)
	if got := text(m.messages()); !slices.Equal(got, want) {
		m.t.Errorf("got %q, want %q", got, want)
	}
}

// space is the namespace of most tests.
const space = "/"

func message(request string) backplane.Message {
	return backplane.Message{Kind: backplane.ServerSideEmit, Namespace: space, Request: request}
}

// answerTo is a message that can be answered.
func answerTo(node, request string) backplane.Message {
	return backplane.Message{From: node, Namespace: space, Request: request}
}

func (c *cluster) publish(from *member, m backplane.Message) {
	c.t.Helper()
	if err := from.Publish(m); err != nil {
		c.t.Error(err)
	}
}

// peers waits until a member knows of the others, and of nobody else.
func (c *cluster) peers(of *member, others ...*member) {
	c.t.Helper()
	want := []string{}
	for _, other := range others {
		want = append(want, other.ID())
	}
	slices.Sort(want)
	var got []string
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var peers backplane.Peers
		peers, err = of.Peers(c.t.Context(), space)
		got = peers.IDs
		if slices.Sort(got); err == nil && slices.Equal(got, want) && peers.Count == len(want) {
			return
		}
	}
	c.t.Errorf("peers are %q, %v, want %q", got, err, want)
}

func testPeers(t *testing.T, c *cluster) {
	first := c.add(nil)
	c.peers(first)
	second, third := c.add(nil), c.add(nil)
	if first.ID() == "" || first.ID() == second.ID() || second.ID() == third.ID() {
		t.Errorf("ids %q, %q, %q", first.ID(), second.ID(), third.ID())
	}
	c.peers(first, second, third)
	c.peers(third, first, second)
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	c.peers(first, third)
}

func testPublish(_ *testing.T, c *cluster) {
	alone := c.add(nil)
	c.publish(alone, message("nobody"))
	a, b := c.add(nil), c.add(nil)
	c.peers(alone, a, b)
	c.publish(alone, message("x"))
	a.wait("x")
	b.wait("x")
	alone.wait()
}

func testReply(t *testing.T, c *cluster) {
	a, b, other := c.add(nil), c.add(nil), c.add(nil)
	c.peers(a, b, other)
	for _, to := range []string{b.ID(), "nobody", ""} {
		if err := a.Reply(answerTo(to, "for "+to), message("")); err != nil {
			t.Errorf("to %q: %v", to, err)
		}
	}
	b.wait("for " + b.ID())
	other.wait()
	a.wait()
}

func testContent(t *testing.T, c *cluster) {
	a, b := c.add(nil), c.add(nil)
	c.peers(a, b)
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	big := make([]byte, 1<<20)
	sent := []backplane.Message{
		{Kind: backplane.ServerSideEmit, Namespace: space, Data: backplane.Data{JSON: []byte(`["é"]`)}},
		{Kind: backplane.ServerSideEmit, Namespace: space, Request: "a b#*>", Data: backplane.Data{JSON: []byte("[\"é\"]")}},
		{Kind: backplane.ServerSideEmit, Namespace: space, Data: backplane.Data{
			JSON:        []byte(`["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]`),
			Attachments: [][]byte{{}, all[:], big}}},
		{Kind: backplane.ServerSideEmit, Namespace: space, From: "somebody else", Data: backplane.Data{JSON: []byte(`["b"]`)}},
	}
	for _, m := range sent {
		c.publish(a, m)
	}
	for deadline := time.Now().Add(patience); len(b.messages()) < len(sent) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	got := b.messages()
	if len(got) != len(sent) {
		t.Fatalf("%d of %d came", len(got), len(sent))
	}
	for i := range sent {
		sent[i].From = a.ID()
		if !reflect.DeepEqual(got[i], sent[i]) {
			t.Errorf("message %d came as %.1000v, want %.1000v", i, got[i], sent[i])
		}
	}
}

// Many senders at the same time: of each one the order holds.
func testOrder(t *testing.T, c *cluster) {
	const messages = 500
	members := []*member{c.add(nil), c.add(nil), c.add(nil)}
	c.peers(members[0], members[1:]...)
	c.peers(members[1], members[0], members[2])
	c.peers(members[2], members[:2]...)
	var senders sync.WaitGroup
	for _, m := range members {
		senders.Go(func() {
			for i := range messages {
				if i%2 == 0 {
					c.publish(m, message(fmt.Sprint(i)))
					continue
				}
				for _, to := range members {
					if err := m.Reply(answerTo(to.ID(), fmt.Sprint(i)), message("")); to != m && err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	senders.Wait()
	for _, m := range members {
		for deadline := time.Now().Add(patience); len(m.messages()) < 2*messages && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		next := map[string]int{}
		for _, came := range m.messages() {
			if came.Request != fmt.Sprint(next[came.From]) {
				t.Fatalf("%s came from %s, want %d", came.Request, came.From, next[came.From])
			}
			next[came.From]++
		}
		if n := len(m.messages()); n != 2*messages {
			t.Errorf("%d of %d came", n, 2*messages)
		}
	}
}

// A receiver may send.
func testReentrant(t *testing.T, c *cluster) {
	a := c.add(func(m *member, came backplane.Message) {
		if err := m.Reply(answerTo(came.From, "answer to "+came.Request), message("")); err != nil {
			t.Error(err)
		}
	})
	b := c.add(nil)
	c.peers(b, a)
	for i := range 3 {
		c.publish(b, message(fmt.Sprint(i)))
	}
	b.wait("answer to 0", "answer to 1", "answer to 2")
}

// A receiver that ends its goroutine loses no more than its own message.
func testGoexit(_ *testing.T, c *cluster) {
	a, b := c.add(nil), c.add(func(*member, backplane.Message) { runtime.Goexit() })
	c.peers(a, b)
	for i := range 3 {
		c.publish(a, message(fmt.Sprint(i)))
	}
	b.wait("0", "1", "2")
}

func testClose(t *testing.T, c *cluster) {
	a, b, closed := c.add(nil), c.add(nil), c.add(nil)
	c.peers(a, b, closed)
	c.peers(closed, a, b)
	for i := range 3 {
		c.publish(closed, message(fmt.Sprint(i)))
	}
	for range 2 {
		if err := closed.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := closed.Publish(message("x")); !errors.Is(err, backplane.ErrClosed) {
		t.Errorf("Publish: %v", err)
	}
	if err := closed.Reply(answerTo(a.ID(), "x"), message("")); !errors.Is(err, backplane.ErrClosed) {
		t.Errorf("Reply: %v", err)
	}
	if _, err := closed.Peers(context.Background(), space); !errors.Is(err, backplane.ErrClosed) {
		t.Errorf("Peers: %v", err)
	}
	a.wait("0", "1", "2", "left")
	if from := a.messages()[3].From; from != closed.ID() {
		t.Errorf("%q has left", from)
	}
	c.publish(a, message("later"))
	b.wait("0", "1", "2", "left", "later")
	closed.wait()
}

func testCloseInReceiver(_ *testing.T, c *cluster) {
	a := c.add(nil)
	b := c.add(func(m *member, _ backplane.Message) { _ = m.Close() })
	c.peers(a, b)
	for i := range 3 {
		c.publish(a, message(fmt.Sprint(i)))
	}
	a.wait("left")
	b.wait("0")
}
