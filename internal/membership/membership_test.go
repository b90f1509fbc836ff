package membership

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/goroutines"
)

// A bus carries what nodes say, each in a while of a millisecond, in order.
type bus struct {
	mu    sync.Mutex
	nodes map[string]*node
}

// A node remembers what its host was told.
type node struct {
	*Members
	bus   *bus
	mu    sync.Mutex
	cut   bool // nothing comes, and nothing goes
	mute  bool // nothing goes
	told  []string
	event []backplane.Event
	sent  []string
	also  func(what string)
	inbox chan []byte
}

func newBus() *bus { return &bus{nodes: make(map[string]*node)} }

func name(n int) string { return fmt.Sprintf("%016x", n) }

// add makes a node. In what it is told, nodes are called by their last digit.
func (b *bus) add(t *testing.T, id int, change ...func(*Config)) *node {
	n := &node{bus: b, inbox: make(chan []byte, 10_000)}
	tell := func(what ...any) {
		text := fmt.Sprintln(what...)
		n.mu.Lock()
		n.told = append(n.told, text[:len(text)-1])
		also := n.also
		n.mu.Unlock()
		if also != nil {
			also(text[:len(text)-1])
		}
	}
	c := Config{
		ID: name(id), Send: func(to string, data []byte) error { return b.send(n, to, data) },
		Host: backplane.Host{
			Relay: func(from string, data []byte) { tell(from[15:], "says", string(data)) },
			Left:  func(from string) { tell(from[15:], "left") },
			Observe: func(e backplane.Event) {
				n.mu.Lock()
				n.event = append(n.event, e)
				n.mu.Unlock()
			},
			Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		},
		Joined: func(from string) { tell(from[15:], "joined") },
	}
	for _, change := range change {
		change(&c)
	}
	b.mu.Lock()
	b.nodes[name(id)] = n
	b.mu.Unlock()
	ready := make(chan struct{})
	read := make(chan struct{})
	go func() {
		defer close(read)
		<-ready
		for data := range n.inbox {
			time.Sleep(time.Millisecond)
			n.Received(data)
		}
	}()
	n.Members = New(c)
	close(ready)
	t.Cleanup(func() {
		n.Close()
		b.mu.Lock()
		delete(b.nodes, name(id))
		close(n.inbox)
		b.mu.Unlock()
		<-read
	})
	return n
}

func (b *bus) send(from *node, to string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	from.mu.Lock()
	from.sent = append(from.sent, fmt.Sprintf("%q to %q", data[1:2], to))
	stop := from.cut || from.mute
	from.mu.Unlock()
	if stop {
		return backplane.ErrClosed
	}
	for other, n := range b.nodes {
		n.mu.Lock()
		cut := n.cut
		n.mu.Unlock()
		if !cut && (to == "" || to == other) { // the own, too, as buses do
			n.inbox <- data
		}
	}
	return nil
}

func (n *node) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// copyOf returns a copy of what a node remembers.
func copyOf[T any](n *node, what *[]T) []T {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(*what)
}

// expect compares what the host was told since the last time.
func (n *node) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.told, want) {
		t.Errorf("told %q, want %q", n.told, want)
	}
	n.told = nil
}

func (n *node) knows(t *testing.T, others ...int) {
	t.Helper()
	want := []string{}
	for _, other := range others {
		want = append(want, name(other))
	}
	if got := n.Nodes(); !slices.Equal(got, want) {
		t.Errorf("knows %v, want %v", got, want)
	}
}

func story(t *testing.T, tell func(t *testing.T, b *bus)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { tell(t, newBus()) })
}

const moment = 20 * time.Millisecond

func TestHelloAndBye(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one := b.add(t, 1)
		one.knows(t)
		two := b.add(t, 2)
		time.Sleep(moment)
		one.knows(t, 2)
		two.knows(t, 1)
		three := b.add(t, 3)
		time.Sleep(moment)
		one.knows(t, 2, 3)
		three.knows(t, 1, 2)
		one.expect(t, "2 joined", "3 joined")
		time.Sleep(time.Minute)
		one.expect(t)
		one.knows(t, 2, 3)

		_ = three.Relay("", []byte("last words"))
		three.Close()
		three.knows(t)
		if err := three.Relay("", nil); err != backplane.ErrClosed {
			t.Errorf("relay after close: %v", err)
		}
		time.Sleep(moment)
		one.expect(t, "3 says last words", "3 left")
		one.knows(t, 2)
		two.knows(t, 1)
		time.Sleep(time.Minute)
		one.expect(t)
		if len(copyOf(one, &one.event)) > 0 {
			t.Errorf("%v", copyOf(one, &one.event))
		}
	})
}

func TestRelay(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, two, three := b.add(t, 1), b.add(t, 2), b.add(t, 3)
		time.Sleep(moment)
		for _, n := range []*node{one, two, three} {
			n.set(func() { n.told = nil })
		}
		for i := range 5 {
			to := []string{"", name(2)}[i%2]
			if err := one.Relay(to, fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		}
		for _, to := range []string{name(1), name(9), "x", strings.ToUpper(name(10)), name(2) + "0"} {
			if err := one.Relay(to, []byte("nobody")); err != nil {
				t.Errorf("to %q: %v", to, err)
			}
		}
		_ = two.Relay(name(1), nil)
		time.Sleep(moment)
		one.expect(t, "2 says ")
		two.expect(t, "1 says 0", "1 says 1", "1 says 2", "1 says 3", "1 says 4")
		three.expect(t, "1 says 0", "1 says 2", "1 says 4")
		for _, sent := range copyOf(one, &one.sent) {
			if strings.Contains(sent, `"x"`) || strings.Contains(sent, "A") || strings.Contains(sent, name(2)+"0") || strings.Contains(sent, name(1)) {
				t.Errorf("it was sent: %s", sent)
			}
		}
	})
}

// TestSilence holds that a node that says nothing more is taken for dead, neither too
// soon nor too late, and comes back with its next word.
func TestSilence(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, two := b.add(t, 1), b.add(t, 2)
		time.Sleep(moment)
		one.expect(t, "2 joined")
		two.set(func() { two.mute = true })
		start := time.Now()
		for len(one.Nodes()) > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(start); took < 5*time.Second || took > 8*time.Second+moment {
			t.Errorf("it took %v", took)
		}
		one.expect(t, "2 left")
		two.knows(t, 1)
		time.Sleep(time.Minute)
		one.expect(t)
		two.set(func() { two.mute = false })
		_ = two.Relay(name(1), []byte("still here"))
		time.Sleep(moment)
		one.expect(t, "2 joined", "2 says still here")
		one.knows(t, 2)
	})
}

// TestAnyWordCounts holds that a node is alive that says something else.
func TestAnyWordCounts(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one := b.add(t, 1)
		two := b.add(t, 2, func(c *Config) { c.Interval = time.Hour })
		for range 20 {
			_ = two.Relay(name(1), nil)
			time.Sleep(3 * time.Second)
		}
		one.knows(t, 2)
		if told := copyOf(one, &one.told); slices.Contains(told, "2 left") {
			t.Errorf("%q", told)
		}
		time.Sleep(10 * time.Second)
		one.knows(t)
	})
}

// TestLinkDown holds that a node whose own link is cut takes nobody for dead, and that
// all know each other soon after it is back.
func TestLinkDown(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, two := b.add(t, 1), b.add(t, 2)
		time.Sleep(moment)
		one.Down()
		one.set(func() { one.cut = true })
		sent := len(copyOf(one, &one.sent))
		time.Sleep(30 * time.Second)
		one.expect(t, "2 joined")
		one.knows(t, 2)
		two.expect(t, "1 joined", "1 left")
		if len(copyOf(one, &one.sent)) != sent {
			t.Errorf("it said %q", copyOf(one, &one.sent)[sent:])
		}
		one.set(func() { one.cut = false })
		one.Up()
		time.Sleep(moment)
		two.expect(t, "1 joined")
		two.knows(t, 1)
		time.Sleep(time.Minute)
		one.expect(t)
		one.knows(t, 2)
	})
}

// TestGoneMeanwhile holds that who went while the link was cut is found out.
func TestGoneMeanwhile(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, two := b.add(t, 1), b.add(t, 2)
		time.Sleep(moment)
		one.Down()
		one.set(func() { one.cut = true })
		two.Close()
		time.Sleep(30 * time.Second)
		one.set(func() { one.cut = false })
		one.Up()
		time.Sleep(6 * time.Second)
		one.expect(t, "2 joined")
		time.Sleep(3 * time.Second)
		one.expect(t, "2 left")
		one.knows(t)
	})
}

// TestLateWords holds that what is still on its way from a node that has said bye does
// not bring it back.
func TestLateWords(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one := b.add(t, 1)
		say := func(k kind, payload string) {
			from, _ := parseID(name(7))
			one.Received(append(append([]byte{version, byte(k)}, from[:]...), payload...))
		}
		say(hello, "")
		say(bye, "")
		say(relay, "late")
		say(alive, "")
		say(bye, "")
		one.expect(t, "7 joined", "7 left")
		one.knows(t)
		from, _ := parseID(name(8))
		one.Received(append([]byte{version, byte(bye)}, from[:]...)) // of one that was never there
		one.expect(t)
		time.Sleep(time.Minute)
		one.Members.mu.Lock()
		defer one.Members.mu.Unlock()
		if len(one.gone) > 0 {
			t.Error("it is remembered for ever")
		}
	})
}

// TestSuspended holds that a process that was not run for a while does not take for dead
// those whose words it has not read yet.
func TestSuspended(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, _ := b.add(t, 1), b.add(t, 2)
		time.Sleep(moment)
		one.expect(t, "2 joined")
		now := time.Now()
		one.Members.mu.Lock()
		defer one.Members.mu.Unlock()
		for who := range one.nodes {
			one.nodes[who] = now.Add(-time.Hour)
		}
		one.expire(now, 2*time.Second+1)
		if len(one.nodes) != 1 {
			t.Error("it was taken for dead")
		}
		one.expire(now, 2*time.Second)
		for who := range one.nodes {
			one.nodes[who] = now.Add(-time.Hour)
		}
		one.expire(now, 2*time.Second)
		if len(one.nodes) != 0 {
			t.Error("it was not taken for dead")
		}
	})
}

func TestTooManyNodes(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one := b.add(t, 1, func(c *Config) { c.MaxNodes = 3 })
		for k := range 10 {
			one.Received([]byte{version, byte(alive), 0, 0, 0, 0, 0, 0, 1, byte(k)})
			one.Received([]byte{version, byte(bye), 0, 0, 0, 0, 0, 0, 2, byte(k)})
		}
		if len(one.Nodes()) != 3 || len(one.gone) != 3 || len(copyOf(one, &one.event)) != 7 || copyOf(one, &one.event)[0].Err != errNodes {
			t.Errorf("%v, %d gone, %v", one.Nodes(), len(one.gone), copyOf(one, &one.event))
		}
	})
}

// TestNoGoroutineWhileIdle holds that members cost a timer and no more.
func TestNoGoroutineWhileIdle(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one := b.add(t, 1)
		before := goroutines.InBubble()
		b.add(t, 2)
		time.Sleep(moment)
		synctest.Wait()
		if n := goroutines.InBubble() - before; n != 1 { // the bus has one for each
			t.Errorf("%d goroutines", n)
		}
		one.Close()
		one.Close()
		one.Up()
		sent := len(copyOf(one, &one.sent))
		time.Sleep(time.Minute)
		if len(copyOf(one, &one.sent)) != sent {
			t.Errorf("after close: %q", copyOf(one, &one.sent)[sent:])
		}
	})
}

func TestNewPanics(t *testing.T) {
	for _, bad := range []string{"", "x", strings.ToUpper(name(10)), name(1) + "0", "zzzzzzzzzzzzzzzz"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is an id", bad)
				}
			}()
			New(Config{ID: bad, Send: func(string, []byte) error { return nil }}).Close()
		}()
	}
}
