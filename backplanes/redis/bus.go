package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/outbox"
)

// A topicKind is one of Redis' three kinds of subscriptions.
type topicKind uint8

const (
	channelTopic topicKind = iota // SUBSCRIBE
	patternTopic                  // PSUBSCRIBE
	shardTopic                    // SSUBSCRIBE
)

// A topic is what can be subscribed to.
type topic struct {
	kind topicKind
	name string
}

// A delivery is a message that has come by way of a topic.
type delivery struct {
	topic   topic
	channel string // is not the topic's name if that is a pattern
	payload []byte
}

// A busConfig is what a bus is made of.
type busConfig struct {
	Config
	sharded bool // messages are sent with SPUBLISH
	host    backplane.Host
	// deliver takes what comes: what came over one connection one after another. Only
	// in a Cluster, and if it is sharded, there is more than one.
	deliver func(d delivery)
}

// A bus is what a node has of Redis: subscriptions that are made again when a
// connection is lost, and a queue of messages that are sent many at a time.
//
// Subscriptions are kept by connections, one for each server that has some. One that
// fails gives its subscriptions back, and manage has them placed again.
type bus struct {
	busConfig
	cluster *goredis.ClusterClient // nil if it is none
	outbox  *outbox.Outbox[parcel]
	refused atomic.Int64 // messages that the queue had no room for
	unsure  int          // bytes that may still be on their way; of the outbox's goroutine

	ctx    context.Context // ends with the bus
	cancel context.CancelFunc
	dead   context.Context // has ended: see connection
	kick   chan struct{}   // wakes manage

	mu          sync.Mutex
	topics      map[topic]*subscription
	unplaced    map[topic]struct{} // those that no connection has
	connections map[*goredis.Client]*connection
	interrupted int       // subscriptions that the server had, and does not have now
	down        time.Time // since when there are such
	events      []backplane.Event
	failures    int       // of connections, since a subscription was confirmed
	retry       time.Time // when what is unplaced may be placed

	refusal chan error // the first failure, for join
}

// A subscription is guarded by bus.mu.
type subscription struct {
	wants       int         // how many want it
	at          *connection // nil: nowhere yet
	ready       chan struct{}
	confirmed   bool // ready is closed
	interrupted bool
}

// errDown says that nothing can be known of the other nodes.
var errDown = errors.New("redis: the connection is cut, and not yet made again")

// newBus makes a bus that has no subscriptions. The caller closes it.
func newBus(c busConfig) *bus {
	b := &bus{
		busConfig: c, kick: make(chan struct{}, 1), refusal: make(chan error, 1),
		topics: make(map[topic]*subscription), unplaced: make(map[topic]struct{}),
		connections: make(map[*goredis.Client]*connection),
	}
	b.cluster, _ = c.Client.(*goredis.ClusterClient)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	dead, kill := context.WithCancel(context.Background())
	kill()
	b.dead = dead
	b.outbox = b.newOutbox()
	go b.manage()
	return b
}

// join subscribes, and waits until the server has confirmed that.
func (b *bus) join(ctx context.Context, topics ...topic) error {
	err := within(ctx, func() error { return b.Client.Ping(ctx).Err() })
	if err == nil {
		b.subscribe(topics...)
		err = b.await(ctx, b.refusal, topics...)
	}
	if err != nil {
		return fmt.Errorf("redis: cannot join the other servers, is Config.Client right? %w", err)
	}
	return nil
}

// close sends what is queued until ctx ends, and lets go of the server.
func (b *bus) close(ctx context.Context) error {
	err := b.outbox.Close(ctx)
	b.cancel()
	return err
}

// subscribe has topics subscribed to, soon.
func (b *bus) subscribe(topics ...topic) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range topics {
		s := b.topics[t]
		if s == nil {
			s = &subscription{ready: make(chan struct{})}
			b.topics[t] = s
			b.unplaced[t] = struct{}{}
		}
		s.wants++
	}
	b.wake()
}

// unsubscribe undoes as many calls of subscribe.
func (b *bus) unsubscribe(topics ...topic) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range topics {
		s := b.topics[t]
		if s == nil {
			continue
		}
		if s.wants--; s.wants > 0 {
			continue
		}
		delete(b.topics, t)
		delete(b.unplaced, t)
		b.mend(s)
		if s.at != nil {
			s.at.changed(t)
		}
	}
	b.wake()
}

// await waits until the server has confirmed subscriptions, unless an error comes
// from refused.
func (b *bus) await(ctx context.Context, refused <-chan error, topics ...topic) error {
	for _, t := range topics {
		b.mu.Lock()
		s, interrupted := b.topics[t], b.interrupted
		var ready chan struct{}
		if s != nil {
			ready = s.ready
		}
		b.mu.Unlock()
		if interrupted > 0 {
			return errDown
		}
		if s == nil {
			continue
		}
		select {
		case <-ready:
		case err := <-refused:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-b.ctx.Done():
			return backplane.ErrClosed
		}
	}
	return nil
}

func (b *bus) wake() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// manage finds places for subscriptions, and tells the host what has become of the
// link, until the bus is closed.
func (b *bus) manage() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(b.place())
		for _, e := range b.takeEvents() {
			b.host.Observe(e)
		}
		select {
		case <-b.kick:
		case <-timer.C:
		case <-b.ctx.Done():
			return
		}
	}
}

func (b *bus) takeEvents() []backplane.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = nil
	return events
}

// place gives each subscription that has no connection the one of the server that it
// belongs to. It returns when it wants to be called again, at the latest.
func (b *bus) place() time.Duration {
	b.mu.Lock()
	if wait := time.Until(b.retry); wait > 0 {
		b.mu.Unlock()
		return wait
	}
	unplaced := make([]topic, 0, len(b.unplaced))
	for t := range b.unplaced {
		unplaced = append(unplaced, t)
	}
	b.mu.Unlock()
	for _, t := range unplaced {
		server, err := b.serverOf(t)
		if err != nil {
			b.failed(err)
			return retryLeast
		}
		b.placeAt(t, server)
	}
	return time.Hour
}

// serverOf returns the client of the server that has a topic. In a Cluster all
// that is not sharded is with one, so that it stays in order.
func (b *bus) serverOf(t topic) (*goredis.Client, error) {
	if b.cluster == nil {
		return b.Client.(*goredis.Client), nil
	}
	key := b.Prefix
	if t.kind == shardTopic {
		key = t.name
	}
	return b.cluster.MasterForKey(b.ctx, key)
}

func (b *bus) placeAt(t topic, server *goredis.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.topics[t]
	if s == nil || s.at != nil || b.ctx.Err() != nil {
		return
	}
	c := b.connections[server]
	if c == nil {
		c = newConnection(b, server)
		b.connections[server] = c
		go c.run()
	}
	delete(b.unplaced, t)
	s.at = c
	c.changed(t)
}

// How long the bus waits before it connects again, and at most.
const (
	retryLeast = 10 * time.Millisecond
	retryMost  = time.Second
)

// failed notes that a server could not be reached.
func (b *bus) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retry = time.Now().Add(min(retryLeast<<min(b.failures, 10), retryMost))
	b.failures++
	select {
	case b.refusal <- err:
	default:
	}
	b.wake()
}

// lost takes the subscriptions of a connection back.
func (b *bus) lost(c *connection, err error) {
	b.mu.Lock()
	delete(b.connections, c.server)
	for t, s := range b.topics {
		if s.at != c {
			continue
		}
		s.at = nil
		b.unplaced[t] = struct{}{}
		if !s.confirmed {
			continue
		}
		s.confirmed, s.ready = false, make(chan struct{})
		if !s.interrupted {
			s.interrupted = true
			b.interrupted++
		}
	}
	if b.interrupted > 0 && b.down.IsZero() {
		b.down = time.Unix(0, c.heard.Load()) // since then nothing was heard
		b.events = append(b.events, backplane.Event{Kind: backplane.Down, Err: err})
	}
	b.mu.Unlock()
	if b.ctx.Err() != nil {
		return
	}
	b.moved(b.ctx)
	b.failed(err)
}

// isDown reports whether there are subscriptions that the server has lost.
func (b *bus) isDown() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.interrupted > 0
}

// confirm notes that the server has a subscription. The caller holds b.mu.
func (b *bus) confirm(s *subscription) {
	b.failures = 0
	if !s.confirmed {
		s.confirmed = true
		close(s.ready)
	}
	b.mend(s)
}

// mend notes that a subscription is whole again, or not wanted any more. The caller
// holds b.mu.
func (b *bus) mend(s *subscription) {
	if !s.interrupted {
		return
	}
	s.interrupted = false
	if b.interrupted--; b.interrupted > 0 {
		return
	}
	lasted := time.Since(b.down)
	b.down = time.Time{}
	b.events = append(b.events, backplane.Event{Kind: backplane.Up, For: lasted},
		backplane.Event{Kind: backplane.Gap, Lost: -1, For: lasted})
	b.wake()
}

// tell has the host told of an event.
func (b *bus) tell(e backplane.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	b.wake()
}

// within calls a function that may not end with ctx, and does not wait for it any
// longer than that.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
