package socketio

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
)

// A survey asks the other nodes of Kawat's about their sockets, by mail, so that only
// numbers travel. Where a namespace has members that are none of Kawat's, all sockets
// are fetched instead.
type survey struct {
	mu sync.Mutex
	awaited
	silent map[string]struct{} // nodes that have not said anything, where it is not known who the members are
	short  bool                // all have, but there are more members than those
	counts map[string]int      // what came in
	total  int
	closed bool
}

// survey adds up what is asked about the sockets that are aimed at. here answers for
// this node, and far for sockets that were fetched.
func (b Broadcast) survey(ctx context.Context, q operation, here func() operation, far func([]*RemoteSocket) operation) (operation, error) {
	c := b.beyond()
	if c == nil {
		return here(), nil
	}
	ctx, cancel := c.bounded(ctx, b.timeout)
	defer cancel()
	peers, err := c.peers(ctx, b.namespace.name)
	nodes := c.node.Nodes()
	if err == nil && (peers.Count > len(nodes) || slices.ContainsFunc(peers.IDs, func(id string) bool { return !slices.Contains(nodes, id) })) {
		return b.fetchSurvey(ctx, far)
	}
	s := &survey{awaited: newAwaited(), counts: make(map[string]int)}
	s.add(here())
	if err == nil && peers.Count > 0 {
		q.Request, q.Namespace, q.Rooms, q.Except = engine.NewID(), b.namespace.name, b.rooms, b.except
		err = s.ask(ctx, c, q, peers, nodes)
	}
	sum, short := s.close()
	if short && err == nil {
		return b.fetchSurvey(ctx, far)
	}
	if err != nil {
		err = &NodesError{Expected: s.others, Answered: s.others - s.open(), Err: err}
	}
	return sum, err
}

// close ends the survey: nothing changes it any more.
func (s *survey) close() (sum operation, short bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return operation{Count: s.total, Counts: s.counts}, s.short
}

func (b Broadcast) fetchSurvey(ctx context.Context, far func([]*RemoteSocket) operation) (operation, error) {
	sockets, err := b.FetchSockets(ctx)
	return far(sockets), err
}

func (s *survey) ask(ctx context.Context, c *cluster, q operation, peers backplane.Peers, nodes []string) error {
	to := peers.IDs
	if to == nil {
		to = nodes
		s.silent = make(map[string]struct{})
		for _, id := range nodes {
			s.silent[id] = struct{}{}
		}
	}
	c.begin(q.Request, inquiry{q.Namespace, s})
	defer c.forget(q.Request)
	s.expect(peers)
	for _, id := range to {
		if err := c.tell(id, q); err != nil {
			return err
		}
	}
	select {
	case <-s.all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// add adds what a node has answered. The caller holds s.mu, or has s for itself.
func (s *survey) add(a operation) {
	s.total += a.Count
	for key, n := range a.Counts {
		s.counts[key] += n
	}
}

func (s *survey) mail(from string, a operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	delete(s.silent, from)
	switch {
	case a.Op == opAbsent && s.missing == nil: // it is none of those that were counted
	case a.Op != opAnswer && a.Op != opAbsent || !s.answered(from):
		return false
	default:
		s.add(a)
	}
	s.conclude()
	return true
}

// conclude closes all when there is nothing to wait for. The caller holds s.mu.
func (s *survey) conclude() {
	if !s.done() && s.missing == nil && s.known && len(s.silent) == 0 && !s.short {
		s.short = true
		close(s.all)
	} else if !s.short {
		s.settle()
	}
}

func (s *survey) expect(p backplane.Peers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expectPeers(p)
	s.conclude()
}

func (s *survey) left(node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	doubt := s.leaves(node)
	delete(s.silent, node)
	s.conclude()
	return doubt
}

func (s *survey) recount(others int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fewer(others)
	s.conclude()
}

func (s *survey) take(backplane.Message) bool { return false } // answers come by mail

// survey answers another node. What the program has a part in has a goroutine of its
// own.
func (c *cluster) survey(from string, q operation) {
	n := c.server.namespace(q.Namespace)
	if n == nil {
		_ = c.tell(from, operation{Op: opAbsent, Request: q.Request}) // who has left needs no answer
		return
	}
	c.workers.add()
	go func() {
		defer c.workers.done()
		defer c.server.recovered("PresenceKey")
		b := Broadcast{namespace: n, rooms: q.Rooms, except: q.Except, local: true}
		var a operation
		switch q.Op {
		case opCount:
			a = b.countHere()
		case opRooms:
			a = b.roomsHere(q.Prefix)
		case opPresence:
			a = b.presentHere()
		}
		a.Op, a.Request = opAnswer, q.Request
		_ = c.tell(from, a)
	}()
}

// Count returns how many sockets are aimed at, on all nodes. It waits for other nodes as
// [Broadcast.FetchSockets] does, but costs them little: of the sockets only their number
// travels, unless servers other than Kawat's are in the namespace as well.
func (b Broadcast) Count(ctx context.Context) (int, error) {
	sum, err := b.survey(ctx, operation{Op: opCount}, b.countHere, func(all []*RemoteSocket) operation { return operation{Count: len(all)} })
	return sum.Count, err
}

func (b Broadcast) countHere() operation { return operation{Count: len(b.targets())} }

// RoomSizes returns how many of the sockets that are aimed at are in each room whose
// name begins with a prefix, on all nodes, without fetching them: see
// [Broadcast.Count]. The rooms that sockets have to themselves do not count.
func (b Broadcast) RoomSizes(ctx context.Context, prefix string) (map[string]int, error) {
	sum, err := b.survey(ctx, operation{Op: opRooms, Prefix: prefix}, func() operation { return b.roomsHere(prefix) },
		func(all []*RemoteSocket) operation {
			counts := make(map[string]int)
			for _, r := range all {
				addRooms(counts, r.rooms, r.id, prefix)
			}
			return operation{Counts: counts}
		})
	return sum.Counts, err
}

func (b Broadcast) roomsHere(prefix string) operation {
	counts := make(map[string]int)
	if len(b.rooms)+len(b.except) > 0 {
		for _, s := range b.targets() {
			addRooms(counts, s.Rooms(), s.id, prefix)
		}
		return operation{Counts: counts}
	}
	b.namespace.mu.Lock()
	defer b.namespace.mu.Unlock()
	for name, room := range b.namespace.present.rooms {
		if strings.HasPrefix(name, prefix) {
			counts[name] = room.len()
		}
	}
	return operation{Counts: counts}
}

func addRooms(counts map[string]int, rooms []string, own, prefix string) {
	for _, name := range rooms {
		if name != own && strings.HasPrefix(name, prefix) {
			counts[name]++
		}
	}
}

// A Presence is somebody who is there, by one socket or several.
type Presence struct {
	Key     string // see [Namespace.PresenceKey]
	Sockets int
}

// PresenceKey sets what a socket stands for where [Broadcast.Present] counts: a user's
// name, say, from what SetData has set. "" stands for nobody. Without it each socket
// stands for itself. All nodes must have the same. It is called for each socket when it
// is asked for, from any goroutine, and must not wait.
func (n *Namespace) PresenceKey(key func(s *RemoteSocket) string) { n.presenceKey.Store(&key) }

// Present returns who is there, by the keys of the sockets that are aimed at, in order,
// on all nodes. Nothing is kept of that: who was on a node that has died is there no
// more as soon as the others know. It waits for other nodes as [Broadcast.Count] does.
func (b Broadcast) Present(ctx context.Context) ([]Presence, error) {
	sum, err := b.survey(ctx, operation{Op: opPresence}, b.presentHere, b.keys)
	var all []Presence
	for _, key := range slices.Sorted(maps.Keys(sum.Counts)) {
		all = append(all, Presence{key, sum.Counts[key]})
	}
	return all, err
}

func (b Broadcast) presentHere() operation {
	targets := b.targets()
	sockets := make([]*RemoteSocket, len(targets))
	for i, s := range targets {
		sockets[i] = newRemoteSocket(s)
	}
	return b.keys(sockets)
}

func (b Broadcast) keys(sockets []*RemoteSocket) operation {
	counts := make(map[string]int)
	f := b.namespace.presenceKey.Load()
	for _, r := range sockets {
		key := r.id
		if f != nil {
			key = ""
			b.namespace.server.guard("PresenceKey", func() { key = (*f)(r) })
		}
		if key != "" {
			counts[key]++
		}
	}
	return operation{Counts: counts}
}

// Count returns how many sockets the namespace has on all nodes: see [Broadcast.Count].
func (n *Namespace) Count(ctx context.Context) (int, error) { return n.broadcast().Count(ctx) }

// RoomSizes returns how many sockets are in each room whose name begins with a prefix:
// see [Broadcast.RoomSizes].
func (n *Namespace) RoomSizes(ctx context.Context, prefix string) (map[string]int, error) {
	return n.broadcast().RoomSizes(ctx, prefix)
}

// Present returns who is in the namespace: see [Broadcast.Present].
func (n *Namespace) Present(ctx context.Context) ([]Presence, error) {
	return n.broadcast().Present(ctx)
}
