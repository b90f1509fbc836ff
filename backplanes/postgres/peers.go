package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

const (
	emitterUID = "emitter" // who is no node
	maxUID     = 64        // longer ids are nobody's
	maxMembers = 10_000    // in a namespace; an id more is that of somebody who makes them up
)

// A namespace that is open. The node's mu guards it.
type namespace struct {
	name, channel string
	own           []byte               // how what this node says in it as JSON ends
	peers         map[string]time.Time // when they were last heard
	sent          time.Time            // when this node has last said something to all
	repeat        time.Time            // when it has to say once more that it is there; zero: not
}

// Open implements [backplane.Node].
func (n *node) Open(name string) {
	ns := &namespace{name: name, channel: n.channel(name), peers: make(map[string]time.Time), sent: time.Now()}
	message, err := wire.AppendJSON(nil, backplane.Message{Kind: wire.Heartbeat, From: n.id, Namespace: name})
	if err != nil {
		n.host.Logger.Error("postgres: nothing can be said in this namespace", "namespace", name, "error", err)
		return
	}
	ns.own = bytes.TrimPrefix(message, []byte(`{"type":2`))
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.open[name] != nil {
		return
	}
	n.open[name] = ns
	n.byChannel[ns.channel] = ns
	n.listener.set(ns.channel, true)
}

// Shut implements [backplane.Node].
func (n *node) Shut(name string) {
	n.mu.Lock()
	ns := n.open[name]
	if ns == nil || n.closed {
		n.mu.Unlock()
		return
	}
	delete(n.open, name)
	delete(n.byChannel, ns.channel)
	n.listener.set(ns.channel, false)
	n.mu.Unlock()
	n.say(ns, backplane.NodeLeft)
}

// errDown says that nothing can be known of the other nodes.
var errDown = errors.New("postgres: the connection is cut, and not yet made again")

// Peers implements [backplane.Node].
func (n *node) Peers(_ context.Context, name string) (backplane.Peers, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return backplane.Peers{}, backplane.ErrClosed
	}
	if n.down {
		return backplane.Peers{}, errDown
	}
	ids := []string{}
	if ns := n.open[name]; ns != nil {
		for id := range ns.peers {
			ids = append(ids, id)
		}
	}
	return backplane.Peers{Count: len(ids), IDs: ids}, nil
}

// say sends one of the messages by which nodes know of each other. If there is no
// room for it, it is not missed for long.
func (n *node) say(ns *namespace, kind backplane.Kind) {
	_ = n.publish(ns.channel, backplane.Message{Kind: kind, From: n.id, Namespace: ns.name})
}

// greet answers a node that has just come. Node's servers say hello before they hear
// anything, so they are answered once more, a little later.
func (n *node) greet(ns *namespace, from string) {
	n.say(ns, wire.Heartbeat)
	if slices.Contains(n.members.Nodes(), from) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	ns.repeat = time.Now().Add(min(n.HeartbeatInterval/10, 500*time.Millisecond))
}

// listening is told which channels are heard from now on. Who is there answers.
func (n *node) listening(channels []string) {
	for _, channel := range channels {
		if ns := n.on(channel); ns != nil {
			n.say(ns, wire.InitialHeartbeat)
		}
	}
}

// namespace returns an open namespace, or nil.
func (n *node) namespace(name string) *namespace {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[name]
}

// on returns the open namespace that has a channel, or nil.
func (n *node) on(channel string) *namespace {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byChannel[channel]
}

func (n *node) isPeer(name, id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	ns := n.open[name]
	if ns == nil {
		return false
	}
	_, known := ns.peers[id]
	return known
}

// hear notes that a node was heard in a namespace. It returns false if nobody wants to
// know any more, or there are too many.
func (n *node) hear(ns *namespace, from string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.open[ns.name] != ns {
		return false
	}
	if from == emitterUID {
		return true
	}
	if _, known := ns.peers[from]; !known && len(ns.peers) >= maxMembers {
		return false
	}
	ns.peers[from] = time.Now()
	return true
}

// forget removes a node from a namespace, if it was heard before some time, or was
// there at all.
func (n *node) forget(ns *namespace, from string, before time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	heard, known := ns.peers[from]
	if !known || n.closed || n.open[ns.name] != ns || !before.IsZero() && !heard.Before(before) {
		return false
	}
	delete(ns.peers, from)
	return true
}

// beat says that this node is there and looks who has been silent, until ctx ends.
func (n *node) beat(ctx context.Context) {
	ticks := time.NewTicker(max(min(n.HeartbeatInterval/5, n.HeartbeatTimeout/10, time.Second), 5*time.Millisecond))
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			quiet, silent := n.look(now)
			for _, ns := range quiet {
				n.say(ns, wire.Heartbeat)
			}
			for _, a := range silent {
				n.inbox.add(a)
			}
		}
	}
}

// hearAll gives everyone the whole time again. The caller holds n.mu.
func (n *node) hearAll(now time.Time) {
	for _, ns := range n.open {
		for from := range ns.peers {
			ns.peers[from] = now
		}
	}
}

// look returns the namespaces in which this node has said nothing for a while, and
// who else has not.
func (n *node) look(now time.Time) (quiet []*namespace, silent []arrival) {
	n.mu.Lock()
	defer n.mu.Unlock()
	// While the link is cut all are silent, and when this process was not run, what they
	// said may not have been read yet.
	if n.down || !n.looked.IsZero() && now.Sub(n.looked) > n.HeartbeatTimeout/2 {
		n.hearAll(now)
	}
	n.looked = now
	for _, ns := range n.open {
		again := !ns.repeat.IsZero() && !now.Before(ns.repeat)
		if again || now.Sub(ns.sent) >= n.HeartbeatInterval {
			ns.repeat = time.Time{}
			quiet = append(quiet, ns)
		}
		for from, heard := range ns.peers {
			if now.Sub(heard) > n.HeartbeatTimeout {
				silent = append(silent, arrival{silent: ns, from: from})
			}
		}
	}
	return quiet, silent
}
