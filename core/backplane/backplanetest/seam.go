package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A member is a node that remembers what it was given.
type member struct {
	backplane.Node
	c       *cluster
	mu      sync.Mutex
	came    []backplane.Message
	relayed []string
	left    []string
}

// add makes a node that takes part in the namespace "/". also is called for each
// message, if it is set.
func (c *cluster) add(also func(m *member, message backplane.Message)) *member {
	c.Helper()
	m, joined := &member{c: c}, make(chan struct{})
	node, err := c.cfg.New(c.T, c.name).Join(c.Context(), backplane.Host{
		Receive: func(message backplane.Message) {
			m.mu.Lock()
			m.came = append(m.came, message)
			m.mu.Unlock()
			if also != nil {
				<-joined
				also(m, message)
			}
		},
		Relay: func(from string, data []byte) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.relayed = append(m.relayed, from+" "+string(data))
		},
		Left: func(node string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.left = append(m.left, node)
		},
		Observe: func(backplane.Event) {}, Logger: discard(),
	})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = node.Close() })
	m.Node = node
	close(joined)
	m.Open(space)
	return m
}

// group makes nodes that know each other.
func (c *cluster) group(n int, also ...func(m *member, message backplane.Message)) []*member {
	c.Helper()
	all := make([]*member, n)
	for i := range all {
		var f func(*member, backplane.Message)
		if i < len(also) {
			f = also[i]
		}
		all[i] = c.add(f)
	}
	for _, m := range all {
		var others []*member
		for _, other := range all {
			if other != m {
				others = append(others, other)
			}
		}
		m.peers(others...)
	}
	return all
}

// peers waits until the node knows of the others, as members of "/" and as nodes of
// Kawat's, and of nobody else.
func (m *member) peers(others ...*member) {
	m.c.Helper()
	want := []string{}
	for _, other := range others {
		want = append(want, other.ID())
	}
	slices.Sort(want)
	m.c.until("the node knows of the others", func() bool {
		peers, err := m.Peers(m.c.Context(), space)
		if err != nil || peers.Count != len(want) {
			return false
		}
		ids, nodes := slices.Sorted(slices.Values(peers.IDs)), slices.Sorted(slices.Values(m.Nodes()))
		return (m.c.cfg.Cannot.PeerIDs || slices.Equal(ids, want)) && slices.Equal(nodes, want)
	})
}

func (m *member) messages() []backplane.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.came)
}

// events are the messages, without who has left.
func (m *member) events() (events []backplane.Message) {
	return slices.DeleteFunc(m.messages(), func(m backplane.Message) bool { return m.Kind == backplane.NodeLeft })
}

func (m *member) requests() []string {
	requests := []string{}
	for _, message := range m.events() {
		requests = append(requests, message.Request)
	}
	return requests
}

// wait waits until the node was given messages, and no more than these.
func (m *member) wait(want ...string) {
	m.c.Helper()
	m.c.until(fmt.Sprintf("%d messages", len(want)), func() bool { return len(m.events()) >= len(want) })
	time.Sleep(quiet)
	if got := m.requests(); !slices.Equal(got, append([]string{}, want...)) {
		m.c.Errorf("got %q, want %q", got, want)
	}
}

// space is the namespace of most tests.
const space = "/"

func message(request string) backplane.Message { return messageIn(space, request) }

func messageIn(namespace, request string) backplane.Message {
	return backplane.Message{
		Kind: backplane.ServerSideEmit, Namespace: namespace, Request: request, Data: backplane.Data{JSON: []byte(`["event"]`)},
	}
}

// question is a message that can be answered.
func question(node, request string) backplane.Message {
	return backplane.Message{Kind: backplane.ServerSideEmit, From: node, Namespace: space, Request: request}
}

func answer() backplane.Message {
	return backplane.Message{Kind: backplane.ServerSideEmitResponse, Data: backplane.Data{JSON: []byte(`"answer"`)}}
}

func (m *member) publish(message backplane.Message) {
	m.c.Helper()
	if err := m.Publish(message); err != nil {
		m.c.Error(err)
	}
}

func (m *member) reply(node, request string) {
	m.c.Helper()
	if err := m.Reply(question(node, request), answer()); err != nil {
		m.c.Error(err)
	}
}

func testPeers(c *cluster) {
	first := c.add(nil)
	first.peers()
	second, third := c.add(nil), c.add(nil)
	if len(first.ID()) != 16 || first.ID() == second.ID() || second.ID() == third.ID() {
		c.Errorf("ids %q, %q, %q", first.ID(), second.ID(), third.ID())
	}
	first.peers(second, third)
	third.peers(first, second)
	if err := second.Close(); err != nil {
		c.Error(err)
	}
	first.peers(third)
}

func testPublish(c *cluster) {
	alone := c.add(nil)
	nobody := message("nobody")
	nobody.Namespace = "/where nobody is"
	alone.publish(nobody)
	a, b := c.add(nil), c.add(nil)
	alone.peers(a, b)
	alone.publish(message("x"))
	a.wait("x")
	b.wait("x")
	alone.wait()
	for _, m := range append(a.events(), b.events()...) {
		if m.From != alone.ID() || m.Namespace != space || m.Kind != backplane.ServerSideEmit || string(m.Data.JSON) != `["event"]` {
			c.Errorf("%+v", m)
		}
	}
}

// What is not open is not heard of, and who has it not open is no peer.
func testNamespaces(c *cluster) {
	all := c.group(3)
	a, b := all[0], all[1]
	const other = "/other"
	count := func(of *member, want int) {
		c.Helper()
		c.until(fmt.Sprintf("%d peers", want), func() bool {
			p, err := of.Peers(c.Context(), other)
			return err == nil && p.Count == want && (p.IDs == nil || len(p.IDs) == want)
		})
	}
	a.Open(other)
	a.Open(other) // the second call does nothing
	b.Open(other)
	count(a, 1)
	count(b, 1)
	a.publish(messageIn(other, "first"))
	b.wait("first")
	b.Shut(other)
	b.Shut(other)
	count(a, 0)
	a.publish(messageIn(other, "second"))
	a.publish(message("third"))
	b.wait("first", "third")
	all[2].wait("third")
	b.Open(other)
	count(a, 1)
	a.publish(messageIn(other, "fourth"))
	b.wait("first", "third", "fourth")
	b.peers(a, all[2])
}

func testReply(c *cluster) {
	all := c.group(3)
	a, b, other := all[0], all[1], all[2]
	to := []string{b.ID()}
	if !c.cfg.Cannot.ReplyInPrivate {
		to = append(to, "0123456789abcdef", "")
	}
	for _, id := range to {
		if err := a.Reply(question(id, "for "+id), answer()); err != nil {
			c.Errorf("to %q: %v", id, err)
		}
	}
	b.wait("for " + b.ID())
	other.wait()
	a.wait()
	m := b.events()[0]
	if m.From != a.ID() && (m.From != "" || !c.cfg.Cannot.AnswerFrom) || m.Namespace != space || string(m.Data.JSON) != `"answer"` {
		c.Errorf("%+v", m)
	}
}

// Many senders at the same time: of each one the order holds.
func testOrder(c *cluster) {
	const messages = 400
	all := c.group(3)
	var senders sync.WaitGroup
	for i, m := range all {
		senders.Go(func() {
			for n := range messages {
				request := fmt.Sprint(i, " ", n)
				if n%2 == 0 {
					m.publish(message(request))
					continue
				}
				for _, to := range all {
					if to != m {
						m.reply(to.ID(), request)
					}
				}
			}
		})
	}
	senders.Wait()
	for i, m := range all {
		c.until("all that was sent", func() bool { return len(m.events()) >= 2*messages })
		time.Sleep(quiet)
		var next [3]int
		for _, came := range m.events() {
			var from, n int
			if _, err := fmt.Sscan(came.Request, &from, &n); err != nil || n != next[from] || from == i {
				c.Fatalf("%q came, want %d: %v", came.Request, next[from], err)
			}
			next[from]++
		}
		if n := len(m.events()); n != 2*messages {
			c.Errorf("%d of %d came", n, 2*messages)
		}
	}
}

// A receiver may send.
func testReentrant(c *cluster) {
	all := c.group(2, nil, func(m *member, came backplane.Message) {
		if err := m.Reply(came, answer()); err != nil {
			c.Error(err)
		}
		m.Open("/more")
		_ = m.Nodes()
	})
	from := all[0]
	for i := range 3 {
		from.publish(message(fmt.Sprint(i)))
	}
	from.wait("0", "1", "2")
}

// A receiver that ends its goroutine loses no more than its own message.
func testGoexit(c *cluster) {
	all := c.group(2, nil, func(*member, backplane.Message) { runtime.Goexit() })
	for i := range 3 {
		all[0].publish(message(fmt.Sprint(i)))
	}
	all[1].wait("0", "1", "2")
}

func testRelay(c *cluster) {
	all := c.group(3)
	a, b, third := all[0], all[1], all[2]
	relay := func(to, data string) {
		c.Helper()
		bytes := []byte(data)
		if err := a.Relay(to, bytes); err != nil {
			c.Error(err)
		}
		clear(bytes) // is the caller's again
	}
	var bytes [256]byte
	for i := range bytes {
		bytes[i] = byte(i)
	}
	relay(b.ID(), "to b")
	relay("", "to all")
	relay("0123456789abcdef", "to nobody")
	relay(third.ID(), string(bytes[:]))
	relay(b.ID(), "")
	for i := range 100 {
		relay(b.ID(), fmt.Sprint(i))
	}
	relay(b.ID(), string(make([]byte, 1<<20)))
	got := func(m *member) []string {
		m.mu.Lock()
		defer m.mu.Unlock()
		return slices.Clone(m.relayed)
	}
	want := []string{"to b", "to all", ""}
	for i := range 100 {
		want = append(want, fmt.Sprint(i))
	}
	want = append(want, string(make([]byte, 1<<20)))
	for i := range want {
		want[i] = a.ID() + " " + want[i]
	}
	c.until("mail", func() bool { return len(got(b)) >= len(want) && len(got(third)) >= 2 })
	time.Sleep(quiet)
	if !slices.Equal(got(b), want) {
		c.Errorf("got %.300q", got(b))
	}
	if mail := got(third); !slices.Equal(mail, []string{a.ID() + " to all", a.ID() + " " + string(bytes[:])}) {
		c.Errorf("got %.300q", mail)
	}
	if mail := got(a); len(mail) > 0 {
		c.Errorf("got %.300q", mail)
	}
}

func (m *member) leavers() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.left)
}

// Who has left is told once, to all, whatever was open.
func testLeft(c *cluster) {
	all := c.group(3)
	all[2].Shut(space)
	_ = all[2].Close()
	for _, m := range all[:2] {
		c.until("the node's end", func() bool { return len(m.leavers()) > 0 })
	}
	all[0].peers(all[1])
	time.Sleep(quiet)
	for _, m := range all[:2] {
		if left := m.leavers(); !slices.Equal(left, []string{all[2].ID()}) {
			c.Errorf("%q have left", left)
		}
	}
}

func testClose(c *cluster) {
	all := c.group(3)
	a, b, closed := all[0], all[1], all[2]
	for i := range 3 {
		closed.publish(message(fmt.Sprint(i)))
	}
	for range 2 {
		if err := closed.Close(); err != nil {
			c.Error(err)
		}
	}
	if err := closed.Publish(message("x")); !errors.Is(err, backplane.ErrClosed) {
		c.Errorf("Publish: %v", err)
	}
	if err := closed.Reply(question(a.ID(), "x"), answer()); !errors.Is(err, backplane.ErrClosed) {
		c.Errorf("Reply: %v", err)
	}
	if err := closed.Relay(a.ID(), []byte("x")); !errors.Is(err, backplane.ErrClosed) {
		c.Errorf("Relay: %v", err)
	}
	if _, err := closed.Peers(context.Background(), space); !errors.Is(err, backplane.ErrClosed) {
		c.Errorf("Peers: %v", err)
	}
	closed.Open("/late")
	closed.Shut(space)
	a.wait("0", "1", "2")
	if !c.cfg.Cannot.NodeLeft {
		c.until("the node's end", func() bool { return len(a.messages()) > 3 })
		if m := a.messages(); m[3].Kind != backplane.NodeLeft || m[3].From != closed.ID() || m[3].Namespace != space || len(m) != 4 {
			c.Errorf("%+v", m[3:])
		}
	}
	a.peers(b)
	a.publish(message("later"))
	b.wait("0", "1", "2", "later")
	closed.wait()
}

func testCloseInReceiver(c *cluster) {
	all := c.group(2, nil, func(m *member, _ backplane.Message) { _ = m.Close() })
	for i := range 3 {
		all[0].publish(message(fmt.Sprint(i)))
	}
	all[0].peers()
	all[1].wait("0")
}

func testApart(c *cluster) {
	all := c.group(2)
	stranger := newCluster(c.T, c.cfg).add(nil)
	all[0].publish(message("x"))
	_ = all[0].Relay("", []byte("x"))
	_ = all[0].Relay(stranger.ID(), []byte("x"))
	all[1].wait("x")
	stranger.wait()
	stranger.peers()
	all[0].peers(all[1])
	if len(stranger.relayed) > 0 {
		c.Errorf("got %q", stranger.relayed)
	}
}
