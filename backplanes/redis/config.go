package redis

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// A Config says how the nodes are linked. All nodes of a cluster have the same
// Prefix, SubscriptionMode and Secret.
type Config struct {
	// Client is what Redis is reached by: a *redis.Client, also one for Sentinel, or a
	// *redis.ClusterClient, of github.com/redis/go-redis/v9. It stays the caller's, to
	// be closed after the server. It is used with its own timeouts; subscriptions have
	// connections beside its pool.
	Client goredis.UniversalClient

	// Prefix begins the names of all channels: Node's option key, of the sharded
	// adapter channelPrefix. Default "socket.io".
	Prefix string

	// SubscriptionMode says which rooms have channels of their own, with [Sharded].
	// Default [Dynamic].
	SubscriptionMode SubscriptionMode

	// PublishOnSpecificResponseChannel has answers go to the node that has asked alone,
	// with [Classic]. It is Node's option of that name; every node understands both.
	// Default: they go to all nodes.
	PublishOnSpecificResponseChannel bool

	// Secret has each message carry a proof that a node with the same Secret has sent
	// it, and others are ignored. Node's adapters have no such thing, so it is for
	// clusters of Kawat's alone. Default: none.
	Secret string

	// MaxMessageBytes is how long a message may be: one that is longer is not sent, or
	// ignored. Redis itself cuts off a subscriber with 32 MiB before it. Default 32 MiB.
	MaxMessageBytes int

	// MaxQueuedMessages and MaxQueuedBytes are how much may wait to be sent, as long as
	// Redis cannot be reached. What is beyond is refused, and told as a gap. Default
	// 100,000 messages and 64 MiB.
	MaxQueuedMessages int
	MaxQueuedBytes    int

	// Logger is told what an emitter has lost; servers have their own. Default:
	// slog.Default().
	Logger *slog.Logger
}

// A SubscriptionMode says which rooms have channels of their own, as Node's option
// subscriptionMode does.
type SubscriptionMode uint8

// The modes.
const (
	// Dynamic: each room that is not the one that a socket has to itself.
	Dynamic SubscriptionMode = iota
	// DynamicPrivate: each room.
	DynamicPrivate
	// Static: none. All that happens in a namespace goes to all of its nodes.
	Static
)

// withDefaults checks a Config and fills in what is not set.
func (c Config) withDefaults() (Config, error) {
	switch c.Client.(type) {
	case nil:
		return c, errors.New("redis: Config.Client is not set: give it a *redis.Client or a *redis.ClusterClient")
	case *goredis.Client, *goredis.ClusterClient:
	default:
		return c, fmt.Errorf("redis: Config.Client is a %T: give it a *redis.Client or a *redis.ClusterClient", c.Client)
	}
	if c.SubscriptionMode > Static {
		return c, fmt.Errorf("redis: Config.SubscriptionMode is %d: choose Dynamic, DynamicPrivate or Static", c.SubscriptionMode)
	}
	c.Prefix = cmp.Or(c.Prefix, "socket.io")
	if strings.Contains(c.Prefix, "#") {
		return c, fmt.Errorf("redis: Config.Prefix is %q: it cannot have a #", c.Prefix)
	}
	c.MaxMessageBytes = positiveOr(c.MaxMessageBytes, 32<<20)
	c.MaxQueuedMessages = positiveOr(c.MaxQueuedMessages, 100_000)
	c.MaxQueuedBytes = positiveOr(c.MaxQueuedBytes, 64<<20)
	return c, nil
}

func positiveOr(n, other int) int {
	if n > 0 {
		return n
	}
	return other
}
