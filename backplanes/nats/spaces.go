package nats

import (
	"context"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// The reference's adapters are heard of every heartbeat, and forgotten after timeout.
const (
	heartbeat = 5 * time.Second
	timeout   = 10 * time.Second
	tick      = 200 * time.Millisecond
	check     = time.Second // who is still there
)

// A space is a namespace that is open. The node's lock guards it, but for subs.
type space struct {
	name   string
	token  string
	peers  map[string]time.Time // when those of others were heard of
	beaten time.Time            // when those who are not Kawat's were told that we are here
	since  time.Time            // when it was opened
	subs   []*natsgo.Subscription
}

// Open implements [backplane.Node].
func (n *node) Open(namespace string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := token(namespace)
	if n.closed || n.spaces[key] != nil {
		return
	}
	s := &space{name: namespace, token: key, peers: make(map[string]time.Time), beaten: time.Now(), since: time.Now()}
	for id, k := range n.kawat {
		if k.names[namespace] {
			s.peers[id] = k.heard
		}
	}
	n.spaces[key], n.changed[namespace] = s, true
	n.digest.add(namespace)
	it := n.word(s, wire.InitialHeartbeat, "")
	it.open = s
	n.owe(it)
}

// Shut implements [backplane.Node].
func (n *node) Shut(namespace string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := token(namespace)
	s := n.spaces[key]
	if s == nil || n.closed {
		return
	}
	delete(n.spaces, key)
	n.digest.remove(namespace)
	n.changed[namespace] = false
	it := n.word(s, backplane.NodeLeft, "")
	it.shut = s
	n.owe(it)
}

// word is a message without content, to all in a namespace or to one of them.
func (n *node) word(s *space, kind backplane.Kind, to string) item {
	subject := n.config.Prefix + "." + s.token
	if to != "" {
		subject += private + to
	}
	data, err := wire.Append(nil, backplane.Message{Kind: kind, From: n.id, Namespace: s.name})
	if err != nil {
		n.host.Logger.Error("nats: a namespace cannot be opened", "namespace", s.name, "error", err)
		return item{}
	}
	return item{subject: subject, data: n.sealed(subject, data)}
}

// owe queues what has to be done, as soon as there is room. The caller holds n.mu.
func (n *node) owe(it item) {
	if len(n.owed) > 0 || n.out.Push(it) != nil {
		n.owed = append(n.owed, it)
	}
}

// pay queues what there was no room for. The caller holds n.mu.
func (n *node) pay() {
	for len(n.owed) > 0 && n.out.Push(n.owed[0]) == nil {
		n.owed = n.owed[1:]
	}
	if len(n.owed) == 0 {
		n.owed = nil
	}
}

// subscribe is called by the goroutine that sends.
func (n *node) subscribe(s *space) error {
	subject := n.config.Prefix + "." + s.token
	subjects := []string{subject, subject + private + n.id}
	if n.stream == nil {
		subjects = append(subjects, subject+kept)
	}
	for _, subject := range subjects[len(s.subs):] {
		sub, err := n.link.nc.ChanSubscribe(subject, n.link.arrived)
		if err != nil {
			return err
		}
		s.subs = append(s.subs, sub)
	}
	return nil
}

// Peers implements [backplane.Node].
func (n *node) Peers(_ context.Context, namespace string) (backplane.Peers, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return backplane.Peers{}, backplane.ErrClosed
	}
	ids := []string{}
	if s := n.spaces[token(namespace)]; s != nil {
		for id := range s.peers {
			ids = append(ids, id)
		}
	}
	return backplane.Peers{Count: len(ids), IDs: ids}, nil
}

// message takes one that came in a namespace, to all of its members or not.
func (n *node) message(key string, m backplane.Message, toAll bool) {
	n.mu.Lock()
	s := n.spaces[key]
	if s == nil || m.From == n.id {
		n.mu.Unlock()
		return
	}
	if m.Namespace != s.name || m.From == "" {
		n.mu.Unlock()
		n.ignored(fmt.Errorf("nats: a message of %.70q for the namespace %.100q came where it does not belong", m.From, m.Namespace))
		return
	}
	left := n.heard(s, m)
	if k := n.kawat[m.From]; k != nil && toAll && n.stream == nil {
		k.came(m)
	}
	n.mu.Unlock()
	switch m.Kind {
	case wire.InitialHeartbeat, wire.Heartbeat:
	case backplane.NodeLeft:
		if left {
			n.host.Receive(m)
		}
	default:
		n.host.Receive(m)
	}
}

// heard notes who is there. It reports whether one has left who was there. The
// caller holds n.mu.
func (n *node) heard(s *space, m backplane.Message) (left bool) {
	if m.From == emitter {
		return false
	}
	_, known := s.peers[m.From]
	k := n.kawat[m.From]
	if m.Kind == backplane.NodeLeft {
		delete(s.peers, m.From)
		if k != nil {
			k.remove(s.name)
		}
		return known
	}
	if s.peers[m.From] = time.Now(); !known && k != nil {
		n.opened(k, m.From, s.name)
	}
	switch {
	case m.Kind == wire.InitialHeartbeat:
		n.owe(n.word(s, wire.Heartbeat, m.From))
	case !known && k == nil:
		// It may not have heard of us, as we say nothing where only Kawat's nodes are.
		n.owe(n.word(s, wire.Heartbeat, m.From))
	}
	return false
}

// foreign reports whether a namespace has members that are not Kawat's. The caller
// holds n.mu.
func (n *node) foreign(s *space) bool {
	for id := range s.peers {
		if n.kawat[id] == nil {
			return true
		}
	}
	return false
}

// beat does what has to be done from time to time.
func (n *node) beat() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	said, checked := time.Now(), time.Now()
	var again time.Time // when to say it once more, that others can count from there; see gaps.go
	for {
		var now time.Time
		select {
		case <-n.quit:
			return
		case now = <-ticker.C:
		}
		n.mu.Lock()
		n.pay()
		changed := len(n.changed) > 0
		if changed || n.met {
			n.met, again = false, now.Add(2*settled)
		}
		var gone []backplane.Message
		if now.Sub(checked) >= check {
			checked, gone = now, n.expire(now)
		}
		n.mu.Unlock()
		for _, m := range gone {
			n.in.must(func() { n.departed(m) })
		}
		// The word of a namespace that was opened may have been too early for those who
		// had just come, at another server of a cluster.
		due := !again.IsZero() && now.After(again)
		if changed || due || now.Sub(said) >= heartbeat {
			said = now
			if due {
				again = time.Time{}
			}
			n.say(state{})
		}
	}
}

// expire returns who is taken for dead, as messages that say so, and tells those who
// are not Kawat's that we are here. The caller holds n.mu.
func (n *node) expire(now time.Time) (gone []backplane.Message) {
	if n.closed {
		return nil
	}
	// While the link is cut all are silent, and when this process was not run, what they
	// said may not have been read yet.
	late := !n.expired.IsZero() && now.Sub(n.expired) > heartbeat
	n.expired = now
	if late || n.link.isDown() {
		n.heardAll(now)
		return nil
	}
	for id, k := range n.kawat {
		if now.Sub(k.heard) > 3*heartbeat {
			// Those that it leaves behind are given up below, as others are.
			delete(n.kawat, id)
			n.miss(id)
		}
	}
	for _, s := range n.spaces {
		foreign := false
		for id, heard := range s.peers {
			if n.kawat[id] != nil {
				continue
			}
			if now.Sub(heard) > timeout {
				gone = append(gone, backplane.Message{Kind: backplane.NodeLeft, From: id, Namespace: s.name})
				continue
			}
			foreign = true
		}
		if foreign && now.Sub(s.beaten) >= heartbeat-check {
			s.beaten = now
			n.owe(n.word(s, wire.Heartbeat, ""))
		}
	}
	return gone
}

// heardAll gives everybody the whole time again. The caller holds n.mu.
func (n *node) heardAll(now time.Time) {
	for _, k := range n.kawat {
		k.heard = now
	}
	for _, s := range n.spaces {
		for id := range s.peers {
			s.peers[id] = now
		}
	}
}

// departed tells the host of one that was not heard of for too long, unless it was
// by now.
func (n *node) departed(m backplane.Message) {
	n.mu.Lock()
	s := n.spaces[token(m.Namespace)]
	gone := s != nil && !n.closed && n.kawat[m.From] == nil
	if gone {
		heard, known := s.peers[m.From]
		if gone = known && time.Since(heard) > timeout; gone {
			delete(s.peers, m.From)
		}
	}
	n.mu.Unlock()
	if gone {
		n.host.Receive(m)
	}
}

// farewells are what is said at the end, to those who do not hear that a node of
// Kawat's leaves. The caller holds n.mu.
func (n *node) farewells() (all []item) {
	for _, s := range n.spaces {
		if n.foreign(s) {
			all = append(all, n.word(s, backplane.NodeLeft, ""))
		}
	}
	return all
}
