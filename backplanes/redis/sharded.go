package redis

import (
	"bytes"
	"context"
	"fmt"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// Sharded links servers as createShardedAdapter of Node's @socket.io/redis-adapter
// does: over SPUBLISH, which in a Redis Cluster only those servers hear that have the
// channel. There, what one server sends to different rooms may come in another order;
// with [Static] it does not.
func Sharded(cfg Config) backplane.Backplane { return shardedBackplane{cfg} }

type shardedBackplane struct{ cfg Config }

// Join implements [backplane.Backplane].
func (b shardedBackplane) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	cfg, err := b.cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := newNode(cfg, host, true)
	n.format = &sharded{node: n, ends: ownEnds(n.id)}
	if err := n.join(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

// A sharded is the format of the sharded adapter.
type sharded struct {
	*node
	ends [][]byte // what this node sends has one of these before its namespace, at the end
}

// ownEnds returns what comes before the namespace at the end of what a node sends, as
// JSON and as MessagePack.
func ownEnds(id string) [][]byte {
	return [][]byte{
		[]byte(`,"uid":"` + id + `","nsp":"`),
		append(append([]byte("\xa3uid\xb0"), id...), "\xa3nsp"...),
	}
}

func (s *sharded) kind() topicKind { return shardTopic }

func (s *sharded) topics(namespace string) []topic {
	return []topic{{shardTopic, s.main(namespace)}, {shardTopic, s.room(namespace, s.id)}}
}

func (s *sharded) counted(namespace string) string { return s.main(namespace) }

func (s *sharded) private(namespace, id string) string { return s.room(namespace, id) }

// roomTopic implements roomFormat: a room has a channel if others send to it.
func (s *sharded) roomTopic(namespace, room string) (topic, bool) {
	return topic{shardTopic, s.room(namespace, room)}, s.cfg.SubscriptionMode.hasChannel(room)
}

// socketIDLength is how long the id of a socket is. In the mode [Dynamic] Node takes a
// room whose name is so long for the one that a socket has to itself.
const socketIDLength = 20

// hasChannel reports whether what is sent to a room alone goes to a channel of its own.
func (mode SubscriptionMode) hasChannel(room string) bool {
	return mode == DynamicPrivate || mode == Dynamic && length(room) != socketIDLength
}

func (s *sharded) message(m *backplane.Message) (channel string, payload []byte, err error) {
	payload, err = wire.Append(nil, *m)
	return s.shardedChannel(s.cfg.SubscriptionMode, m), payload, err
}

// shardedChannel returns where a message goes.
func (n names) shardedChannel(mode SubscriptionMode, m *backplane.Message) string {
	if m.Kind == backplane.Broadcast && m.Request == "" && len(m.Options.Rooms) == 1 && mode.hasChannel(m.Options.Rooms[0]) {
		return n.room(m.Namespace, m.Options.Rooms[0])
	}
	return n.main(m.Namespace)
}

func (s *sharded) reply(to, m *backplane.Message) (channel string, payload []byte, err error) {
	if !isAnswer(m.Kind) {
		return "", nil, errKind(m)
	}
	payload, err = wire.Append(nil, *m)
	return s.room(to.Namespace, to.From), payload, err
}

// isAnswer reports whether messages of a kind are for one node.
func isAnswer(k backplane.Kind) bool {
	switch k {
	case backplane.FetchSocketsResponse, backplane.ServerSideEmitResponse, backplane.ClientCount, backplane.Ack:
		return true
	}
	return false
}

func (s *sharded) received(d delivery, namespaces []string, give func(m backplane.Message)) error {
	if len(namespaces) == 0 || s.isOwn(d.payload) {
		return nil
	}
	m, err := wire.Decode(d.payload, s.limits)
	if err != nil {
		return err
	}
	if m.From == "" && !isAnswer(m.Kind) {
		return fmt.Errorf("%w: it has no sender", wire.ErrMalformed)
	}
	if m.Namespace == "" {
		// Node's adapter 8.2 and before says neither the namespace nor, in answers, the
		// sender: it is the namespace that the channel is of, if that is one alone.
		if len(namespaces) > 1 {
			return fmt.Errorf("%w: it has no namespace", wire.ErrMalformed)
		}
		m.Namespace = namespaces[0]
	}
	if m.From != s.id && s.belongs(d.channel, &m) {
		give(m)
	}
	return nil
}

// belongs reports whether a message is one that is sent to a channel. The namespaces of
// a channel may be several, and the message says which one it is for.
func (s *sharded) belongs(channel string, m *backplane.Message) bool {
	switch {
	case m.Kind == wire.InitialHeartbeat || m.Kind == wire.Heartbeat || m.Kind == backplane.NodeLeft:
		return false // of another adapter
	case isAnswer(m.Kind):
		return channel == s.room(m.Namespace, s.id)
	}
	return channel == s.main(m.Namespace) ||
		m.Kind == backplane.Broadcast && m.Request == "" && len(m.Options.Rooms) == 1 && channel == s.room(m.Namespace, m.Options.Rooms[0])
}

// endMost is how much of a message is looked at for who has sent it.
const endMost = 512

// isOwn reports whether this node has sent a message, as far as can be seen without
// reading it: it ends in the sender and the namespace, and what comes from others ends
// in theirs.
func (s *sharded) isOwn(payload []byte) bool {
	end := payload[max(0, len(payload)-endMost):]
	if len(end) > 0 && payload[0] == '{' {
		i := bytes.LastIndex(end, s.ends[0])
		if i < 0 {
			return false
		}
		namespace, ok := bytes.CutSuffix(end[i+len(s.ends[0]):], []byte(`"}`))
		return ok && bytes.IndexByte(namespace, '"') < 0
	}
	i := bytes.LastIndex(end, s.ends[1])
	if i < 0 {
		return false
	}
	namespace, rest, err := wire.ReadValue(end[i+len(s.ends[1]):], s.limits)
	return err == nil && len(rest) == 0 && len(namespace.JSON) > 0 && namespace.JSON[0] == '"'
}
