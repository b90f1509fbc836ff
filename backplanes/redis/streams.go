package redis

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A StreamsConfig says how the nodes are linked by [Streams]. All nodes of a cluster
// have the same StreamName, StreamCount, Prefix, ShardedPubSub, SessionKeyPrefix,
// FixedHash and Secret. Node's adapter has the same defaults.
type StreamsConfig struct {
	// Config is as for the others. Its Prefix is Node's option channelPrefix. Each stream
	// has two connections of its own.
	Config

	// StreamName is the key of the stream or, if there are several, what their keys begin
	// with. Default "socket.io".
	StreamName string

	// StreamCount is how many streams the namespaces are spread over, as in a Redis
	// Cluster one alone would be on one server. Default 1.
	StreamCount int

	// FixedHash spreads them over the streams from 0 up to StreamCount only. Node's
	// adapter does not: it sends what is for about half of all namespaces to streams
	// that it does not read. So FixedHash is for clusters without Node. Default: as Node
	// does; a warning is logged for a namespace of which Node's servers hear nothing.
	// Servers of Kawat's read those streams, too.
	FixedHash bool

	// MaxLen is about how many messages a stream keeps: who was away for more cannot go
	// on. Default 10,000.
	MaxLen int

	// ReadCount is how many messages are read at a time, at most. Default 1,000.
	ReadCount int

	// SessionKeyPrefix begins the keys of sessions. Default "sio:session:".
	SessionKeyPrefix string

	// ShardedPubSub sends what needs not be kept with SPUBLISH: Node's option
	// useShardedPubSub. For Redis 7 and later. Default: PUBLISH.
	ShardedPubSub bool

	// EchoPatience is how long a message to the clients of this server waits for its
	// place among the others' in the stream. One that waits for longer is sent without,
	// and so are those behind it, until the stream keeps up again: a client that is cut
	// just then may get it again when it goes on. Default 100 ms.
	EchoPatience time.Duration
}

func (c StreamsConfig) withDefaults() (StreamsConfig, error) {
	var err error
	if c.Config, err = c.Config.withDefaults(); err != nil {
		return c, err
	}
	if c.StreamCount < 0 || c.StreamCount > 1000 {
		return c, fmt.Errorf("redis: StreamsConfig.StreamCount is %d: it can be 1 to 1000", c.StreamCount)
	}
	c.SubscriptionMode = Static
	c.StreamCount = positiveOr(c.StreamCount, 1)
	c.MaxLen = positiveOr(c.MaxLen, 10_000)
	c.ReadCount = positiveOr(c.ReadCount, 1000)
	c.StreamName = cmp.Or(c.StreamName, "socket.io")
	c.SessionKeyPrefix = cmp.Or(c.SessionKeyPrefix, "sio:session:")
	return c, nil
}

// streamOf returns the name of the stream that a namespace has, and whether Node's
// adapter reads it.
func (c StreamsConfig) streamOf(namespace string) (name string, read bool) {
	if c.StreamCount == 1 {
		return c.StreamName, true
	}
	i := streamNumber(namespace, c.StreamCount)
	if c.FixedHash && i < 0 {
		i += c.StreamCount
	}
	return c.numbered(i), i >= 0
}

func (c StreamsConfig) numbered(i int) string { return fmt.Sprint(c.StreamName, "-", i) }

// streamNames returns the names of the streams that every node reads.
func (c StreamsConfig) streamNames() (names []string) {
	if c.StreamCount == 1 {
		return []string{c.StreamName}
	}
	for i := range c.StreamCount {
		names = append(names, c.numbered(i))
	}
	return names
}

// Streams links nodes as createAdapter of @socket.io/redis-streams-adapter does:
// broadcasts are kept in a stream for a while, so that clients can go on with another
// node, of either kind, where they were cut, and a node whose connection is cut misses
// nothing. Its nodes are [backplane.Durable]. For Redis 5 and later.
func Streams(c StreamsConfig) backplane.Backplane { return streams{c} }

type streams struct{ cfg StreamsConfig }

// Join implements [backplane.Backplane].
func (b streams) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	c, err := b.cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := newStreamsNode(c, host)
	if err := n.join(ctx); err != nil {
		n.abandon()
		return nil, err
	}
	return n, nil
}
