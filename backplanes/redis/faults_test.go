package redis

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/testservers"
)

// kinds returns what was observed but for what was ignored.
func (m *member) kinds() (kinds []backplane.EventKind) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Kind != backplane.Ignored {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

// back waits until the link is back, after it was cut so many times.
func (m *member) back(cuts int) {
	m.t.Helper()
	eventually(m.t, "the link", func() bool {
		return len(m.observed(backplane.Up)) >= cuts && len(m.observed(backplane.Up)) == len(m.observed(backplane.Down))
	})
}

// hears waits until a message of one member is heard by another: what is sent before
// all is connected again may be lost.
func hears(t *testing.T, from, to *member, message backplane.Message) {
	t.Helper()
	before := len(to.received())
	eventually(t, "a message", func() bool {
		from.publish(message)
		time.Sleep(20 * time.Millisecond)
		return len(to.received()) > before
	})
}

// numbered is a broadcast with a number.
func numbered(n int) backplane.Message {
	m := event("/", "")
	m.Data.JSON = fmt.Appendf(nil, `["n",%d]`, n)
	return m
}

// inOrder checks that numbers came in order, and none twice.
func inOrder(t *testing.T, m *member) (came int) {
	t.Helper()
	last := -1
	for _, got := range m.received() {
		var args []any
		_ = json.Unmarshal(got.Data.JSON, &args)
		if len(args) < 2 {
			continue
		}
		n := int(args[1].(float64))
		if n <= last {
			t.Fatalf("%d came after %d", n, last)
		}
		last = n
		came++
	}
	return came
}

// chatter has a member publish numbers until the test says so.
func chatter(from *member) (stop func() int) {
	var ended atomic.Bool
	done := make(chan int)
	go func() {
		n := 0
		for ; !ended.Load(); n++ {
			if err := from.Publish(numbered(n)); err != nil && !errors.Is(err, backplane.ErrQueueFull) {
				from.t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
		done <- n
	}()
	return func() int {
		ended.Store(true)
		return <-done
	}
}

// TestRestart holds that nodes find together again when the server is started again,
// that hosts know of it, and that publishing does not wait meanwhile.
func TestRestart(t *testing.T) {
	t.Parallel()
	r := testservers.StartRedis(t)
	for name, make := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		b := make(Config{Client: connect(t, r.Addr())})
		one, two := join(t, b, "/"), join(t, b, "/")
		two.RoomCreated("/", "room")
		two.settle()
		stop := chatter(one)
		eventually(t, "messages", func() bool { return len(two.received()) > 10 })
		r.Stop()
		eventually(t, "the cut", func() bool { return len(one.observed(backplane.Down)) == 1 && len(two.observed(backplane.Down)) == 1 })
		if _, err := one.Peers(t.Context(), "/"); !errors.Is(err, errDown) {
			t.Errorf("%s: peers of a node that is cut off: %v", name, err)
		}
		volatile := numbered(0)
		volatile.Options.Flags.Volatile = true
		one.publish(volatile) // it is not sent later
		time.Sleep(100 * time.Millisecond)
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		one.back(1)
		two.back(1)
		before := len(two.received())
		eventually(t, "messages after the cut", func() bool { return len(two.received()) > before+10 })
		sent := stop()
		hears(t, one, two, event("/", "in the room", "room"))
		came := inOrder(t, two)
		t.Logf("%s: of %d, %d came", name, sent, came)
		for _, m := range []*member{one, two} {
			cuts := slices.DeleteFunc(m.kinds(), func(k backplane.EventKind) bool { return k == backplane.Gap })
			if !slices.Equal(cuts, []backplane.EventKind{backplane.Down, backplane.Up}) {
				t.Errorf("%s: observed %v", name, m.kinds())
			}
			if gaps := m.observed(backplane.Gap); !slices.ContainsFunc(gaps, func(e backplane.Event) bool { return e.Lost == -1 && e.For > 0 }) {
				t.Errorf("%s: gaps %+v", name, gaps)
			}
		}
		eventually(t, "each other", func() bool { return len(one.Nodes()) == 1 && len(two.Nodes()) == 1 })
		_, _ = one.Close(), two.Close()
	}
}

// TestKilledConnections cuts connections while messages go: none comes twice, they
// stay in order, and those that may be lost are told.
func TestKilledConnections(t *testing.T) {
	t.Parallel()
	r := testservers.StartRedis(t)
	for name, make := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		b := make(Config{Client: connect(t, r.Addr())})
		one, two := join(t, b, "/"), join(t, b, "/")
		stop := chatter(one)
		for i := range 10 {
			before := len(two.received())
			eventually(t, "messages", func() bool { return len(two.received()) > before+10 })
			kind := []string{"normal", "pubsub"}[i%2]
			if _, err := r.Do("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"); err != nil {
				t.Fatal(err)
			}
		}
		one.back(1)
		two.back(1)
		sent := stop()
		hears(t, one, two, event("/", "end"))
		came := inOrder(t, two)
		t.Logf("%s: of %d, %d came; %+v", name, sent, came, one.observed(backplane.Gap))
		_, _ = one.Close(), two.Close()
	}
}

// TestSilentServer lets the server hang: that is found out, and when it is over
// messages go again, none twice.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	r := testservers.StartRedis(t)
	client := connect(t, r.Addr())
	one, two := join(t, Classic(Config{Client: client}), "/"), join(t, Classic(Config{Client: client}), "/")
	three, four := join(t, Sharded(Config{Client: client}), "/"), join(t, Sharded(Config{Client: client}), "/")
	stop, stopSharded := chatter(one), chatter(three)
	eventually(t, "messages", func() bool { return len(two.received()) > 10 && len(four.received()) > 10 })
	r.Pause()
	for _, m := range []*member{one, two, three, four} {
		eventually(t, "the silence", func() bool { return len(m.observed(backplane.Down)) > 0 })
	}
	begin := time.Now()
	one.publish(event("/", "x"))
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("publishing took %v", took)
	}
	r.Resume()
	for _, m := range []*member{one, two, three, four} {
		m.back(1)
	}
	eventually(t, "messages", func() bool {
		hears(t, one, two, event("/", "x"))
		hears(t, three, four, event("/", "x"))
		return true
	})
	sent, sentSharded := stop(), stopSharded()
	t.Logf("of %d, %d came; of %d, %d; %+v", sent, inOrder(t, two), sentSharded, inOrder(t, four), one.observed(backplane.Gap))
}

// TestShortSilence lets the server hang for longer than the client waits for an
// answer: what it was sent comes once, and what is sent later does not come before.
func TestShortSilence(t *testing.T) {
	t.Parallel()
	r := testservers.StartRedis(t)
	impatient := goredis.NewClient(&goredis.Options{Addr: r.Addr(), ReadTimeout: 100 * time.Millisecond})
	defer impatient.Close()
	for name, make := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		one, two := join(t, make(Config{Client: impatient}), "/"), join(t, make(Config{Client: connect(t, r.Addr())}), "/")
		stop := chatter(one)
		for range 2 {
			eventually(t, "messages", func() bool { return len(two.received()) > 10 })
			r.Pause()
			gaps := len(one.observed(backplane.Gap))
			eventually(t, "a gap", func() bool { return len(one.observed(backplane.Gap)) > gaps })
			time.Sleep(500 * time.Millisecond) // so that it would be tried again
			r.Resume()
			before := len(two.received())
			eventually(t, "messages", func() bool { return len(two.received()) > before+10 })
		}
		sent := stop()
		t.Logf("%s: of %d, %d came; %+v", name, sent, inOrder(t, two), one.observed(backplane.Gap))
		if len(two.observed(backplane.Down)) > 0 {
			t.Errorf("%s: the other one was cut off", name)
		}
		_, _ = one.Close(), two.Close()
	}
}

// TestFullQueue holds that what there is no room for is refused, and told afterwards.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	r := testservers.StartRedis(t)
	one := join(t, Classic(Config{Client: connect(t, r.Addr()), MaxQueuedMessages: 10}), "/")
	two := join(t, Classic(Config{Client: connect(t, r.Addr())}), "/")
	r.Stop()
	eventually(t, "the cut", func() bool { return len(one.observed(backplane.Down)) == 1 })
	refused := 0
	for n := range 100 {
		if err := one.Publish(numbered(n)); errors.Is(err, backplane.ErrQueueFull) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused < 90 {
		t.Errorf("%d were refused", refused)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	two.back(1)
	lost := func() (n int) {
		for _, e := range one.observed(backplane.Gap) {
			if e.Lost > 0 && errors.Is(e.Err, backplane.ErrQueueFull) {
				n += e.Lost
			}
		}
		return n
	}
	eventually(t, "the gap", func() bool { return lost() >= refused })
	for _, e := range one.observed(backplane.Gap) {
		if e.Lost > 0 && neverSent(e.Err) { // what was on its way as the server ended may be lost
			t.Errorf("what was queued is lost: %+v", e)
		}
	}
	hears(t, one, two, event("/", "end"))
}

// TestNotAllowed holds that a server that does not let a node subscribe is named when
// it joins.
func TestNotAllowed(t *testing.T) {
	t.Parallel()
	r := testservers.StartRedis(t)
	if _, err := r.Do("ACL", "SETUSER", "limited", "on", "nopass", "~*", "+@all", "resetchannels"); err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(&goredis.Options{Addr: r.Addr(), Username: "limited", Password: "x"})
	defer client.Close()
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		if _, err := make(Config{Client: client}).Join(t.Context(), (&member{}).host(nil)); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("joined: %v", err)
		}
	})
}
