package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/membership"
	"github.com/kawat-go/kawat/internal/seal"
	"github.com/kawat-go/kawat/internal/wire"
)

// emitterID is the sender of what comes from no node.
const emitterID = "emitter"

// closeTimeout is how long a node that leaves waits for what is queued.
const closeTimeout = time.Second

// A format is what nodes say, and where: Node's classic one, or the sharded one.
type format interface {
	// kind is that of the subscriptions that are no patterns.
	kind() topicKind
	// topics are those that a namespace needs, whatever its rooms.
	topics(namespace string) []topic
	// counted is the channel that each node of a namespace hears, private the one that
	// only the node with that id does.
	counted(namespace string) string
	private(namespace, id string) string
	// message and reply return what to send, and where to.
	message(m *backplane.Message) (channel string, payload []byte, err error)
	reply(to, m *backplane.Message) (channel string, payload []byte, err error)
	// received takes what came by way of a topic of a namespace. It gives the messages
	// in it to give.
	received(d delivery, namespaces []string, give func(m backplane.Message)) error
}

// A node is a member of a cluster, in either format.
type node struct {
	names
	id      string
	cfg     Config
	limits  wire.Limits
	host    backplane.Host
	bus     *bus
	format  format
	closed  atomic.Bool
	members atomic.Pointer[membership.Members] // nil until the mail is subscribed to

	giving sync.Mutex // held while the host is given a message

	mu     sync.RWMutex
	spaces map[string]*space
	routes map[topic][]string  // the namespaces that have a topic
	silent map[string]struct{} // nodes of Kawat's that have left, of which Redis may not know
}

// A space is what a node knows of a namespace that is open. node.mu guards it.
type space struct {
	topics   []topic
	rooms    map[string]struct{}
	watching bool // the host says which rooms there are
}

// newNode makes a node without a format. The caller joins it.
func newNode(cfg Config, host backplane.Host, sharded bool) *node {
	n := &node{
		names: names{cfg.Prefix}, id: backplane.NewID(), cfg: cfg, host: host,
		limits: wire.Limits{Bytes: 2 * cfg.MaxMessageBytes}, // as JSON it may be longer than it came
		spaces: make(map[string]*space), routes: make(map[topic][]string), silent: make(map[string]struct{}),
	}
	host.Observe = n.observe
	left := host.Left
	host.Left = func(id string) {
		n.fellSilent(id)
		left(id)
	}
	n.host.Left = host.Left
	n.bus = newBus(busConfig{Config: cfg, sharded: sharded, host: host, deliver: n.deliver})
	return n
}

// observe tells the host, and who keeps the list of nodes: those that cannot be heard
// are not dead.
func (n *node) observe(e backplane.Event) {
	if n.closed.Load() {
		return
	}
	if members := n.members.Load(); members != nil {
		switch e.Kind {
		case backplane.Down:
			members.Down()
		case backplane.Up:
			members.Up()
		}
	}
	n.host.Observe(e)
}

// join makes the node hear the other nodes of Kawat's.
func (n *node) join(ctx context.Context) error {
	mail := []topic{{n.format.kind(), n.mail("")}, {n.format.kind(), n.mail(n.id)}}
	if err := n.bus.join(ctx, mail...); err != nil {
		n.bus.cancel()
		return err
	}
	n.members.Store(membership.New(membership.Config{ID: n.id, Host: n.host, Send: n.post, Joined: n.spoke}))
	return nil
}

// post sends mail to a node of Kawat's, or to all of them.
func (n *node) post(to string, data []byte) error { return n.send(n.mail(to), data) }

func (n *node) send(channel string, payload []byte) error {
	return n.bus.publish(channel, seal.Seal(nil, []byte(n.cfg.Secret), channel, payload))
}

// ID implements [backplane.Node].
func (n *node) ID() string { return n.id }

// Open implements [backplane.Node].
func (n *node) Open(namespace string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.spaces[namespace] != nil || n.closed.Load() {
		return
	}
	s := &space{topics: n.format.topics(namespace), rooms: make(map[string]struct{})}
	n.spaces[namespace] = s
	for _, t := range s.topics {
		n.routes[t] = append(n.routes[t], namespace)
	}
	n.bus.subscribe(s.topics...)
}

// Shut implements [backplane.Node].
func (n *node) Shut(namespace string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.spaces[namespace]
	if s == nil {
		return
	}
	delete(n.spaces, namespace)
	for _, t := range s.topics {
		n.unroute(t, namespace)
	}
	n.bus.unsubscribe(s.topics...)
	if w, ok := n.format.(roomFormat); ok {
		for room := range s.rooms {
			if t, ok := w.roomTopic(namespace, room); ok {
				n.unroute(t, namespace)
				n.bus.unsubscribe(t)
			}
		}
	}
}

// unroute takes a namespace off those that have a topic. The caller holds n.mu.
func (n *node) unroute(t topic, namespace string) {
	var left []string
	for _, other := range n.routes[t] {
		if other != namespace {
			left = append(left, other)
		}
	}
	if n.routes[t] = left; left == nil {
		delete(n.routes, t)
	}
}

// A roomFormat is one in which rooms may have topics of their own.
type roomFormat interface {
	roomTopic(namespace, room string) (topic, bool)
}

// RoomCreated implements [backplane.RoomWatcher].
func (n *node) RoomCreated(namespace, room string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.spaces[namespace]
	if s == nil {
		return
	}
	s.watching = true
	if _, known := s.rooms[room]; known {
		return
	}
	if w, ok := n.format.(roomFormat); ok {
		t, ok := w.roomTopic(namespace, room)
		if !ok {
			return
		}
		n.routes[t] = append(n.routes[t], namespace)
		n.bus.subscribe(t)
	}
	s.rooms[room] = struct{}{}
}

// RoomDeleted implements [backplane.RoomWatcher].
func (n *node) RoomDeleted(namespace, room string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.spaces[namespace]
	if s == nil {
		return
	}
	if _, known := s.rooms[room]; !known {
		return
	}
	delete(s.rooms, room)
	if w, ok := n.format.(roomFormat); ok {
		if t, ok := w.roomTopic(namespace, room); ok {
			n.unroute(t, namespace)
			n.bus.unsubscribe(t)
		}
	}
}

// mayHave reports whether the host may have sockets in a room: it has, or it does not
// say.
func (n *node) mayHave(namespace, room string) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	s := n.spaces[namespace]
	if s == nil {
		return false
	}
	_, has := s.rooms[room]
	return has || !s.watching
}

// isOpen reports whether the node takes part in a namespace.
func (n *node) isOpen(namespace string) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.spaces[namespace] != nil
}

// Peers implements [backplane.Node]. Who they are is not known.
func (n *node) Peers(ctx context.Context, namespace string) (backplane.Peers, error) {
	if n.closed.Load() {
		return backplane.Peers{}, backplane.ErrClosed
	}
	n.mu.RLock()
	var topics []topic
	s := n.spaces[namespace]
	if s != nil {
		topics = s.topics
	}
	n.mu.RUnlock()
	if err := n.bus.await(ctx, nil, topics...); err != nil {
		return backplane.Peers{}, err
	}
	count, err := n.count(ctx, namespace)
	if err != nil {
		return backplane.Peers{}, fmt.Errorf("redis: cannot count the other servers: %w", err)
	}
	if s != nil {
		count--
	}
	return backplane.Peers{Count: max(count, 0)}, nil
}

// Publish implements [backplane.Node].
func (n *node) Publish(m backplane.Message) error {
	m.From = n.id
	if m.Options.Flags.Volatile && m.Kind == backplane.Broadcast && n.bus.isDown() && !n.closed.Load() {
		return nil // it is not worth waiting
	}
	return n.speak(n.format.message(&m))
}

// Reply implements [backplane.Node].
func (n *node) Reply(to, m backplane.Message) error {
	m.From, m.Namespace, m.Request = n.id, to.Namespace, to.Request
	return n.speak(n.format.reply(&to, &m))
}

func (n *node) speak(channel string, payload []byte, err error) error {
	if n.closed.Load() {
		return backplane.ErrClosed
	}
	if err != nil {
		return err
	}
	return n.send(channel, payload)
}

// Nodes implements [backplane.Node].
func (n *node) Nodes() []string { return n.members.Load().Nodes() }

// Relay implements [backplane.Node].
func (n *node) Relay(to string, data []byte) error {
	if n.closed.Load() {
		return backplane.ErrClosed
	}
	return n.members.Load().Relay(to, data)
}

// Close implements [backplane.Node].
func (n *node) Close() error {
	n.mu.Lock()
	already := n.closed.Swap(true)
	n.mu.Unlock()
	if already {
		return nil
	}
	n.members.Load().Close()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := n.bus.close(ctx); err != nil {
		return fmt.Errorf("redis: the last messages to the other servers were not sent: %w", err)
	}
	return nil
}

// deliver takes what the bus has heard.
func (n *node) deliver(d delivery) {
	if n.closed.Load() {
		return
	}
	if err := n.take(d); err != nil {
		n.host.Observe(backplane.Event{Kind: backplane.Ignored, Err: fmt.Errorf("redis: on the channel %.100q: %w", d.channel, err)})
	}
}

var errTooLong = errors.New("the message is longer than Config.MaxMessageBytes")

func (n *node) take(d delivery) (err error) {
	if len(d.payload) > n.cfg.MaxMessageBytes+seal.Overhead {
		return errTooLong
	}
	if d.payload, err = seal.Open([]byte(n.cfg.Secret), d.channel, d.payload); err != nil {
		return err
	}
	if strings.HasPrefix(d.channel, n.mail("")) {
		if members := n.members.Load(); members != nil {
			members.Received(d.payload)
		}
		return nil
	}
	n.mu.RLock()
	namespaces := n.routes[d.topic]
	n.mu.RUnlock()
	return n.format.received(d, namespaces, n.give)
}

// give gives the host a message. Where there are several connections they take turns.
func (n *node) give(m backplane.Message) {
	n.giving.Lock()
	defer n.giving.Unlock()
	if !n.closed.Load() && n.isOpen(m.Namespace) {
		n.host.Receive(m)
	}
}
