package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// A streamsNode is a node of [Streams]. What needs not be kept, and what nodes are
// there, is the business of a node without streams.
type streamsNode struct {
	*node
	cfg     StreamsConfig
	entries entryFormat

	ctx    context.Context // of the streams' readers
	cancel context.CancelFunc

	own     sync.Mutex // guards these
	streams map[string]*stream
	warned  map[string]bool
	down    int // links that are cut
	ended   bool
}

func newStreamsNode(c StreamsConfig, host backplane.Host) *streamsNode {
	if host.Logger == nil {
		host.Logger = slog.Default()
	}
	n := &streamsNode{cfg: c, streams: make(map[string]*stream), warned: make(map[string]bool)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	observe, left := host.Observe, host.Left
	host.Observe = func(e backplane.Event) { n.observe(e, observe) }
	host.Left = func(node string) { n.left(node, left) }
	n.node = newNode(c.Config, host, c.ShardedPubSub)
	n.entries = c.entries()
	kind := channelTopic
	if c.ShardedPubSub {
		kind = shardTopic
	}
	n.format = &ephemeral{sharded{node: n.node, ends: ownEnds(n.id)}, kind}
	return n
}

// An ephemeral is the format of what is not kept: that of the sharded adapter, but
// always MessagePack, and without channels for rooms.
type ephemeral struct {
	sharded
	subscriptions topicKind
}

func (e *ephemeral) kind() topicKind { return e.subscriptions }

func (e *ephemeral) topics(namespace string) []topic {
	return []topic{{e.subscriptions, e.main(namespace)}, {e.subscriptions, e.room(namespace, e.id)}}
}

func (e *ephemeral) message(m *backplane.Message) (channel string, payload []byte, err error) {
	payload, err = wire.AppendMsgpack(nil, *m)
	return e.main(m.Namespace), payload, err
}

func (e *ephemeral) reply(to, m *backplane.Message) (channel string, payload []byte, err error) {
	if !isAnswer(m.Kind) {
		return "", nil, errKind(m)
	}
	payload, err = wire.AppendMsgpack(nil, *m)
	return e.room(to.Namespace, to.From), payload, err
}

// RoomCreated implements [backplane.RoomWatcher]. There are no channels for rooms.
func (n *streamsNode) RoomCreated(string, string) {}

// RoomDeleted implements [backplane.RoomWatcher].
func (n *streamsNode) RoomDeleted(string, string) {}

// join has the node hear what is said.
func (n *streamsNode) join(ctx context.Context) error {
	if err := n.node.join(ctx); err != nil {
		return err
	}
	for _, name := range n.cfg.streamNames() {
		s := n.stream(name)
		select {
		case <-s.began:
		case err := <-s.first:
			return fmt.Errorf("redis: cannot read the stream %q: %w", name, err)
		case <-ctx.Done():
			return fmt.Errorf("redis: cannot read the stream %q: %w", name, context.Cause(ctx))
		}
	}
	return nil
}

// abandon lets go of what join has begun.
func (n *streamsNode) abandon() {
	if n.members.Load() == nil { // the node without streams has not joined
		n.cancel()
		return
	}
	_ = n.Close()
}

// stream returns a stream, and begins to read it if need be. It returns nil after
// Close.
func (n *streamsNode) stream(name string) *stream {
	n.own.Lock()
	defer n.own.Unlock()
	s := n.streams[name]
	if s == nil && !n.ended {
		s = newStream(n, name)
		n.streams[name] = s
	}
	return s
}

func (n *streamsNode) allStreams() (all []*stream) {
	n.own.Lock()
	defer n.own.Unlock()
	for _, s := range n.streams {
		all = append(all, s)
	}
	return all
}

// Open implements [backplane.Node].
func (n *streamsNode) Open(namespace string) {
	name, read := n.cfg.streamOf(namespace)
	n.stream(name)
	n.node.Open(namespace)
	n.own.Lock()
	warn := !read && !n.warned[namespace] && len(n.warned) < 1000
	if warn {
		n.warned[namespace] = true
	}
	n.own.Unlock()
	if warn {
		n.host.Logger.Warn("redis: Node's servers do not read the stream that their adapter has for this namespace",
			slog.String("namespace", namespace), slog.String("stream", name))
	}
}

// Publish implements [backplane.Node].
func (n *streamsNode) Publish(m backplane.Message) error {
	if !inStream(m) {
		return n.node.Publish(m)
	}
	name, _ := n.cfg.streamOf(m.Namespace)
	s := n.stream(name)
	if s == nil {
		return backplane.ErrClosed
	}
	if m.Options.Flags.Volatile && m.Kind == backplane.Broadcast && !m.Echo && s.cut() {
		return nil // it is not worth waiting
	}
	m.From = n.id
	return s.publish(m)
}

// echoed gives the host one of its own messages.
func (n *streamsNode) echoed(m backplane.Message) {
	if !n.closed.Load() && n.isOpen(m.Namespace) {
		n.host.Receive(m)
	}
}

func (n *streamsNode) ignored(err error) {
	n.bus.tell(backplane.Event{Kind: backplane.Ignored, Err: err})
}

// left tells the host that a node has left, after all that it has written.
func (n *streamsNode) left(node string, tell func(string)) {
	ctx, cancel := context.WithTimeout(n.ctx, closeTimeout)
	defer cancel()
	for _, s := range n.allStreams() {
		s.passed(ctx)
	}
	if n.ctx.Err() == nil {
		tell(node)
	}
}

// observe takes what the bus and the streams tell of their connections, and tells the
// host of one link.
func (n *streamsNode) observe(e backplane.Event, tell func(backplane.Event)) {
	n.own.Lock()
	switch e.Kind {
	case backplane.Down:
		n.down++
	case backplane.Up:
		n.down--
	}
	down := n.down
	n.own.Unlock()
	var ofStream streamError
	switch {
	case e.Kind == backplane.Gap && !errors.As(e.Err, &ofStream):
		return // questions and answers were lost, and who has asked hears of that
	case e.Kind == backplane.Up && down > 0:
		return
	case e.Kind == backplane.Down:
		for _, s := range n.allStreams() {
			s.echoes.Fail()
		}
		if down > 1 {
			return
		}
	}
	tell(e)
}

// Close implements [backplane.Node].
func (n *streamsNode) Close() error {
	n.own.Lock()
	ended := n.ended
	n.ended = true
	n.own.Unlock()
	if ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	all := n.allStreams()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.writer.finish(ctx))
	}
	errs = append(errs, n.node.Close())
	n.cancel()
	for _, s := range all {
		s.echoes.Close()
	}
	return errors.Join(errs...)
}
