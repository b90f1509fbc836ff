package redis

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A connection subscribes at one server. It ends when it fails: the bus then has
// another made.
//
// A PubSub would connect again by itself, and ask for everything at once, which a
// Cluster does not take. It cannot where it is given a context that has ended, which
// is looked at for connecting only.
type connection struct {
	bus    *bus
	server *goredis.Client
	pubsub *goredis.PubSub
	kick   chan struct{}
	failed chan error

	heard   atomic.Int64 // when something came, in nanoseconds since 1970
	reading atomic.Bool  // it waits for something to come

	// These are guarded by bus.mu.
	dirty   map[topic]struct{} // what may have to be asked for, or given up
	asked   map[topic]bool     // what the server was asked for; true: it has confirmed that
	leaving map[topic]int      // what the server was asked to give up, and has not yet
}

// How long a server may take to be connected to, when one that says nothing is
// asked whether it is there, and when it is given up.
const (
	connectTimeout = 4 * time.Second
	pingAfter      = 2 * time.Second
	silentAfter    = 5 * time.Second
)

// maxNames is how many names are asked for at once.
const maxNames = 500

func newConnection(b *bus, server *goredis.Client) *connection {
	return &connection{
		bus: b, server: server, pubsub: server.Subscribe(b.dead),
		kick: make(chan struct{}, 1), failed: make(chan error, 1),
		dirty: make(map[topic]struct{}), asked: make(map[topic]bool), leaving: make(map[topic]int),
	}
}

// changed notes that a topic is wanted, or not any more. The caller holds bus.mu.
func (c *connection) changed(t topic) {
	c.dirty[t] = struct{}{}
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *connection) run() {
	err := c.serve()
	_ = c.pubsub.Close()
	c.bus.lost(c, err)
}

// serve connects, and writes until something fails, or the bus is closed.
func (c *connection) serve() error {
	ctx, cancel := context.WithTimeout(c.bus.ctx, connectTimeout)
	err := c.pubsub.Ping(ctx)
	cancel()
	if err != nil {
		return err
	}
	c.heard.Store(time.Now().UnixNano())
	go c.read()
	tick := time.NewTicker(pingAfter / 2)
	defer tick.Stop()
	for err == nil {
		select {
		case <-c.kick:
			err = c.flush()
		case <-tick.C:
			err = c.check()
		case err = <-c.failed:
		case <-c.bus.ctx.Done():
			return nil
		}
	}
	return err
}

// check pings a server that has said nothing for a while. A host that keeps the
// reader from reading is not the server's silence.
func (c *connection) check() error {
	silent := time.Since(time.Unix(0, c.heard.Load()))
	switch {
	case !c.reading.Load() || silent < pingAfter:
		return nil
	case silent > silentAfter:
		return fmt.Errorf("redis: %s has not answered for %s", c.server.Options().Addr, silentAfter)
	}
	return c.pubsub.Ping(c.bus.dead)
}

// flush tells the server what has changed.
func (c *connection) flush() error {
	var subscribe, unsubscribe [shardTopic + 1][]string
	c.bus.mu.Lock()
	for t := range c.dirty {
		s := c.bus.topics[t]
		wanted := s != nil && s.at == c
		confirmed, asked := c.asked[t]
		switch {
		case wanted && !asked:
			c.asked[t] = false
			subscribe[t.kind] = append(subscribe[t.kind], t.name)
		case wanted && confirmed: // it was given up and taken back in between
			c.bus.confirm(s)
		case !wanted && asked:
			delete(c.asked, t)
			c.leaving[t]++
			unsubscribe[t.kind] = append(unsubscribe[t.kind], t.name)
		}
	}
	clear(c.dirty)
	c.bus.mu.Unlock()
	p := c.pubsub
	for kind, tell := range [...]func(context.Context, ...string) error{p.Unsubscribe, p.PUnsubscribe, p.SUnsubscribe} {
		if err := c.inParts(topicKind(kind), unsubscribe[kind], tell); err != nil {
			return err
		}
	}
	for kind, tell := range [...]func(context.Context, ...string) error{p.Subscribe, p.PSubscribe, p.SSubscribe} {
		if err := c.inParts(topicKind(kind), subscribe[kind], tell); err != nil {
			return err
		}
	}
	return nil
}

// inParts tells the server names, not too many at once: of a Cluster's, all would
// have to be of one slot.
func (c *connection) inParts(kind topicKind, names []string, tell func(context.Context, ...string) error) error {
	most := maxNames
	if kind == shardTopic && c.bus.cluster != nil {
		most = 1
	}
	for len(names) > 0 {
		n := min(most, len(names))
		if err := tell(c.bus.dead, names[:n]...); err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}

// read takes what the server says until the connection fails. A host that ends the
// goroutine does not end that.
func (c *connection) read() {
	done := false
	defer func() {
		if v := recover(); v != nil {
			c.bus.host.Logger.Error("backplane: a host panicked", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		}
		if !done {
			go c.read()
		}
	}()
	for {
		c.reading.Store(true)
		got, err := c.pubsub.Receive(c.bus.dead)
		c.reading.Store(false)
		c.heard.Store(time.Now().UnixNano())
		if err == nil {
			err = c.take(got)
		}
		if err != nil || c.bus.ctx.Err() != nil {
			done = true
			c.failed <- err
			return
		}
	}
}

func (c *connection) take(got any) error {
	switch got := got.(type) {
	case *goredis.Subscription:
		return c.confirmed(got)
	case *goredis.Message:
		t := topic{channelTopic, got.Channel}
		switch {
		case got.Pattern != "":
			t = topic{patternTopic, got.Pattern}
		case c.bus.sharded:
			t.kind = shardTopic
		}
		if c.bus.ctx.Err() == nil {
			c.bus.deliver(delivery{topic: t, channel: got.Channel, payload: []byte(got.Payload)})
		}
	}
	return nil
}

// confirmed takes the server's word that it has, or has given up, a subscription.
func (c *connection) confirmed(got *goredis.Subscription) error {
	c.bus.mu.Lock()
	defer c.bus.mu.Unlock()
	t := topic{name: got.Channel}
	switch got.Kind {
	case "psubscribe", "punsubscribe":
		t.kind = patternTopic
	case "ssubscribe", "sunsubscribe":
		t.kind = shardTopic
	}
	switch got.Kind {
	case "subscribe", "psubscribe", "ssubscribe":
		if _, asked := c.asked[t]; !asked {
			return nil // it was given up meanwhile
		}
		c.asked[t] = true
		if s := c.bus.topics[t]; s != nil && s.at == c {
			c.bus.confirm(s)
		}
	default:
		if c.leaving[t] == 0 {
			return fmt.Errorf("redis: %s does not have the channel %q any more", c.server.Options().Addr, got.Channel)
		}
		if c.leaving[t]--; c.leaving[t] == 0 {
			delete(c.leaving, t)
		}
	}
	return nil
}
