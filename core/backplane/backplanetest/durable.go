package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// RunDurable runs the tests of nodes that are [backplane.Durable], each with a backplane
// of its own. So many messages as overflow says are more than the log of a namespace
// keeps; 0 if that cannot be said.
func RunDurable(t *testing.T, newBackplane func(t *testing.T) backplane.Backplane, overflow int) {
	for _, test := range []struct {
		name string
		run  func(d *durable)
	}{
		{"Order", testDurableOrder},
		{"Echo", testEcho},
		{"Head", testHead},
		{"Restore", testRestore},
		{"RestoreOnce", testRestoreOnce},
		{"RestoreNothing", testRestoreNothing},
		{"RestoreContent", testRestoreContent},
		{"RestoreWhileThingsHappen", testRestoreChanges},
		{"Lapse", testLapse},
		{"Overflow", func(d *durable) { testOverflow(d, overflow) }},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&durable{t, newBackplane(t)}) })
	}
}

type durable struct {
	t         *testing.T
	backplane backplane.Backplane
}

// A keeper is a durable node that remembers what its host was given.
type keeper struct {
	backplane.Durable
	t    *testing.T
	mu   sync.Mutex
	came []backplane.Message
}

// durablePatience is how long something may take that is to happen.
const durablePatience = 10 * time.Second

const durableNamespace = "/durable"

func (d *durable) join() *keeper {
	d.t.Helper()
	k := &keeper{t: d.t}
	node, err := d.backplane.Join(d.t.Context(), backplane.Host{
		Receive: func(m backplane.Message) {
			k.mu.Lock()
			defer k.mu.Unlock()
			if m.Namespace == durableNamespace {
				k.came = append(k.came, m)
			}
		},
		Relay: func(string, []byte) {}, Left: func(string) {}, Observe: func(backplane.Event) {},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = node.Close() })
	var ok bool
	if k.Durable, ok = node.(backplane.Durable); !ok {
		d.t.Fatalf("a %T is not durable", node)
	}
	node.Open(durableNamespace)
	k.until("the node reads", func() bool { return !k.Head(durableNamespace).IsZero() })
	return k
}

func (k *keeper) until(what string, there func() bool) {
	k.t.Helper()
	for deadline := time.Now().Add(durablePatience); !there(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			k.t.Fatalf("%s: not within %v", what, durablePatience)
		}
	}
}

func (k *keeper) messages() []backplane.Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.came)
}

// wait waits until so many messages have come, and returns them.
func (k *keeper) wait(n int) []backplane.Message {
	k.t.Helper()
	k.until(fmt.Sprintf("%d messages", n), func() bool { return len(k.messages()) >= n })
	return k.messages()
}

func (k *keeper) publish(m backplane.Message) {
	k.t.Helper()
	m.Namespace = durableNamespace
	err := k.Publish(m)
	for errors.Is(err, backplane.ErrQueueFull) {
		time.Sleep(time.Millisecond)
		err = k.Publish(m)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// say publishes an event, and wants it back.
func (k *keeper) say(name string, rooms ...string) {
	k.t.Helper()
	k.publish(saying(name, rooms...))
}

func saying(name string, rooms ...string) backplane.Message {
	return backplane.Message{
		Kind: backplane.Broadcast, Options: backplane.Options{Rooms: rooms}, Echo: true, Note: name,
		Data: backplane.Data{JSON: []byte(`["` + name + `"]`)},
	}
}

func (k *keeper) save(s backplane.Session) {
	k.t.Helper()
	s.Namespace = durableNamespace
	if err := k.SaveSession(k.t.Context(), s, time.Minute); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keeper) restore(pid string, seen backplane.Offset) (backplane.Session, []backplane.Message, error) {
	ctx, cancel := context.WithTimeout(k.t.Context(), durablePatience)
	defer cancel()
	return k.RestoreSession(ctx, durableNamespace, pid, seen)
}

func names(messages []backplane.Message) []string {
	names := []string{}
	for _, m := range messages {
		names = append(names, string(m.Data.JSON))
	}
	return names
}

// All nodes are given the same messages in the same order, whoever sends them.
func testDurableOrder(d *durable) {
	const each = 50
	nodes := []*keeper{d.join(), d.join(), d.join()}
	var senders sync.WaitGroup
	for i, k := range nodes {
		senders.Go(func() {
			for j := range each {
				k.say(fmt.Sprint(i, " ", j))
			}
		})
	}
	senders.Wait()
	first := nodes[0].wait(3 * each)
	for i, k := range nodes {
		came := k.wait(3 * each)
		if !slices.Equal(names(came), names(first)) {
			d.t.Errorf("%q\n%q", names(came), names(first))
		}
		last, of := backplane.Offset{}, map[string]int{}
		for j, m := range came {
			if m.Offset.Compare(last) <= 0 || m.Offset != first[j].Offset {
				d.t.Errorf("offset %v after %v", m.Offset, last)
			}
			last = m.Offset
			of[m.From]++
			if mine := m.From == k.ID(); mine != m.Echo || mine != (m.Note != nil) {
				d.t.Errorf("node %d was given %+v", i, m)
			}
		}
		if len(of) != 3 || of[k.ID()] != each {
			d.t.Errorf("from %v", of)
		}
	}
}

// What a node asks for it is given back once, in its place, with its note; what it does
// not ask for never.
func testEcho(d *durable) {
	a, b := d.join(), d.join()
	type note struct{ text string }
	for i := range 20 {
		m := saying(fmt.Sprint(i))
		m.Echo, m.Note = i%2 == 0, &note{fmt.Sprint(i)}
		a.publish(m)
	}
	b.wait(20)
	a.wait(10)
	b.say("end")
	came := a.wait(11)
	for i, m := range came[:10] {
		n, ok := m.Note.(*note)
		if !ok || n.text != fmt.Sprint(2*i) || m.From != a.ID() || m.Offset.IsZero() || m.Namespace != durableNamespace {
			d.t.Errorf("%d: %+v", i, m)
		}
	}
	if len(came) != 11 || came[10].From != b.ID() {
		d.t.Errorf("%q", names(came))
	}
	for _, m := range b.messages()[:20] {
		if m.Note != nil || m.Echo {
			d.t.Errorf("another is given %+v", m)
		}
	}
}

func testHead(d *durable) {
	a, b := d.join(), d.join()
	before := a.Head(durableNamespace)
	b.say("x")
	came := a.wait(1)
	a.until("the head", func() bool { return a.Head(durableNamespace) == came[0].Offset })
	if before.Compare(came[0].Offset) >= 0 {
		d.t.Errorf("%v was the head before %v", before, came[0].Offset)
	}
	if head := a.Head("/never opened"); !head.IsZero() {
		d.t.Errorf("the head of nothing is %v", head)
	}
}

func testRestore(d *durable) {
	a, b := d.join(), d.join()
	a.say("seen", "room")
	seen := b.wait(1)[0].Offset
	a.save(backplane.Session{ID: "id", PID: "pid", Rooms: []string{"id", "room", "muted"}})
	a.say("one", "room")
	b.wait(2) // what two nodes send has no order of its own
	b.say("two", "id", "other")
	b.say("three", "other")
	a.wait(4)
	a.say("four")
	shy := saying("not for the muted")
	shy.Options.Except = []string{"muted"}
	a.publish(shy)
	hasty := saying("volatile")
	hasty.Options.Flags.Volatile = true
	hasty.Echo = false
	a.publish(hasty)
	b.wait(7)
	b.say("five", "room")
	b.wait(8)
	s, missed, err := b.restore("pid", seen)
	if err != nil || s.ID != "id" || s.PID != "pid" || s.Namespace != durableNamespace || s.Marks != nil {
		d.t.Fatalf("%+v, %v", s, err)
	}
	if rooms := slices.Sorted(slices.Values(s.Rooms)); !slices.Equal(rooms, []string{"id", "muted", "room"}) {
		d.t.Errorf("rooms %q", rooms)
	}
	if got, want := names(missed), []string{`["one"]`, `["two"]`, `["four"]`, `["five"]`}; !slices.Equal(got, want) {
		d.t.Errorf("missed %q, want %q", got, want)
	}
	for _, m := range missed {
		for _, live := range b.messages() {
			if string(m.Data.JSON) == string(live.Data.JSON) && m.Offset != live.Offset {
				d.t.Errorf("%s is at %v and at %v", m.Data.JSON, m.Offset, live.Offset)
			}
		}
	}
}

// Of several that want a session at the same time one gets it.
func testRestoreOnce(d *durable) {
	nodes := []*keeper{d.join(), d.join()}
	nodes[0].say("x")
	seen := nodes[1].wait(1)[0].Offset
	for round := range 10 {
		pid := fmt.Sprint("pid", round)
		nodes[0].save(backplane.Session{ID: "id", PID: pid, Rooms: []string{"id"}})
		var mu sync.Mutex
		got := 0
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, _, err := nodes[i%2].restore(pid, seen)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					got++
				case !errors.Is(err, backplane.ErrNoSession):
					d.t.Error(err)
				}
			})
		}
		all.Wait()
		if got != 1 {
			d.t.Errorf("%d got it", got)
		}
	}
}

func testRestoreNothing(d *durable) {
	a := d.join()
	a.say("x")
	seen := a.wait(1)[0].Offset
	for name, restore := range map[string]func() error{
		"unknown":            func() error { _, _, err := a.restore("nobody's", seen); return err },
		"hostile":            func() error { _, _, err := a.restore("*\x00'; DROP {}\r\n>", seen); return err },
		"nothing to go from": func() error { _, _, err := a.restore("pid", backplane.Offset{}); return err },
		"from the future":    func() error { _, _, err := a.restore("pid", backplane.Offset{Major: 1 << 50}); return err },
		"another namespace": func() error {
			_, _, err := a.RestoreSession(d.t.Context(), "/other", "pid", seen)
			return err
		},
	} {
		a.save(backplane.Session{ID: "id", PID: "pid", Rooms: []string{"id"}})
		if err := restore(); !errors.Is(err, backplane.ErrNoSession) {
			d.t.Errorf("%s: %v", name, err)
		}
	}
}

// All of a session comes back, and what is saved later stands for what was before.
func testRestoreContent(d *durable) {
	a, b := d.join(), d.join()
	a.say("x")
	seen := b.wait(1)[0].Offset
	s := backplane.Session{
		Namespace: durableNamespace, ID: "id \"'*>", PID: "pid-_", Rooms: []string{"a", "id \"'*>", "ü>*\x00"},
		Data: backplane.Data{
			JSON: []byte(`{"a":[1,{"_placeholder":true,"num":0}],"b":"\u0000ü"}`), Attachments: [][]byte{{0, 255, 128}},
		},
		Marks: &backplane.Marks{
			Start: seen, Sent: seen, End: seen, Since: map[string]backplane.Offset{"a": seen},
			Left: []backplane.Stay{{Room: "b", From: seen, Until: seen}}, Replayed: seen, Repeated: 7,
		},
	}
	a.save(backplane.Session{ID: "old", PID: s.PID, Rooms: []string{"old"}})
	a.save(s)
	got, missed, err := b.restore(s.PID, backplane.Offset{})
	if err != nil || len(missed) > 0 || !reflect.DeepEqual(got, s) {
		d.t.Errorf("%+v, %q, %v\nwant %+v", got, names(missed), err, s)
	}
}

// Rooms can change, and a session can end, while its client is away.
func testRestoreChanges(d *durable) {
	a, b := d.join(), d.join()
	a.say("x")
	seen := b.wait(1)[0].Offset
	save := func(pid string) {
		a.save(backplane.Session{ID: "id", PID: pid, Rooms: []string{"id", "old"}, Marks: &backplane.Marks{Start: seen, Sent: seen, End: seen}})
	}
	save("one")
	save("two")
	change := func(kind backplane.Kind, rooms ...string) {
		b.publish(backplane.Message{Kind: kind, Options: backplane.Options{Rooms: []string{"id"}}, Rooms: rooms})
	}
	b.say("early", "new")
	change(backplane.SocketsJoin, "new")
	b.say("in", "new")
	change(backplane.SocketsLeave, "old")
	b.say("late", "old")
	a.wait(6)
	s, missed, err := a.restore("one", seen)
	if got := names(missed); err != nil || !slices.Equal(got, []string{`["in"]`}) || !slices.Equal(s.Rooms, []string{"id", "new"}) {
		d.t.Errorf("missed %q, rooms %q, %v", got, s.Rooms, err)
	}
	change(backplane.DisconnectSockets)
	a.wait(7)
	if _, _, err := a.restore("two", seen); !errors.Is(err, backplane.ErrNoSession) {
		d.t.Errorf("after its end: %v", err)
	}
}

func testLapse(d *durable) {
	a := d.join()
	a.say("x")
	seen := a.wait(1)[0].Offset
	err := a.SaveSession(d.t.Context(), backplane.Session{Namespace: durableNamespace, ID: "id", PID: "pid", Rooms: []string{"id"}}, 50*time.Millisecond)
	if err != nil {
		d.t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if _, _, err := a.restore("pid", seen); !errors.Is(err, backplane.ErrNoSession) {
		d.t.Errorf("after its time: %v", err)
	}
}

// Who has missed what is kept no more has no session; who had everything when its socket
// ended, and has missed what is kept, has.
func testOverflow(d *durable, overflow int) {
	if overflow == 0 {
		return
	}
	a, b := d.join(), d.join()
	a.say("x")
	first := b.wait(1)[0].Offset
	for i := range overflow {
		a.say(fmt.Sprint(i), "others")
		if i%100 == 0 {
			b.wait(2 + i) // so that nothing is dropped before it was read
		}
	}
	end := b.wait(1 + overflow)[overflow].Offset
	a.until("the head", func() bool { return a.Head(durableNamespace) == end })
	a.save(backplane.Session{ID: "id", PID: "lost", Rooms: []string{"id"}})
	if _, _, err := a.restore("lost", first); !errors.Is(err, backplane.ErrNoSession) {
		d.t.Errorf("from what is not kept: %v", err)
	}
	a.save(backplane.Session{ID: "id", PID: "idle", Rooms: []string{"id"}, Marks: &backplane.Marks{Start: first, Sent: first, End: end}})
	a.say("for it", "id")
	a.wait(2 + overflow)
	if _, missed, err := a.restore("idle", first); err != nil || !slices.Equal(names(missed), []string{`["for it"]`}) {
		d.t.Errorf("of who was idle: %q, %v", names(missed), err)
	}
}
