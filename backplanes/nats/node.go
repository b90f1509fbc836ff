package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/membership"
	"github.com/kawat-go/kawat/internal/outbox"
	"github.com/kawat-go/kawat/internal/wire"
)

// New makes a backplane over the core of NATS. It keeps nothing: who is not
// connected when something is sent misses it, and an Observer is told of the gap.
func New(c Config) backplane.Backplane { return plane{c.withDefaults()} }

type plane struct{ config Config }

// Join implements [backplane.Backplane].
func (p plane) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	n, err := newNode(p.config, host)
	if err == nil {
		err = n.link.connect(ctx, p.config)
	}
	if err != nil {
		return nil, err
	}
	n.out = n.outbox(false)
	if err := n.begin(); err != nil {
		_ = n.Close()
		return nil, err
	}
	return n, nil
}

// A node is a member of the cluster.
type node struct {
	config Config
	id     string
	host   backplane.Host
	link   link
	in     *inbox
	out    *outbox.Outbox[item]
	stream *stream       // nil if nothing is kept
	joined chan struct{} // closed when members is set
	quit   chan struct{}
	ended  sync.WaitGroup

	members *membership.Members

	mu     sync.Mutex // held for a few instructions; what is queued under it keeps its order
	closed bool
	spaces map[string]*space // those that are open, by token
	digest digest            // of their names
	kawat  map[string]*kin   // the other nodes of Kawat's
	// changed are the namespaces that were opened or shut since the last state.
	changed map[string]bool
	owed    []item              // what the queue had no room for, and has to be done
	number  uint64              // of the last state to all; see gaps.go
	spoken  map[string]int      // messages since that, by namespace
	missing map[string]struct{} // nodes of Kawat's that were taken for dead
	met     bool                // there is one that is new, or asks
	expired time.Time           // when expire was called last
}

// An item is what the goroutine that sends is to do next.
type item struct {
	subject string
	data    []byte
	open    *space // is subscribed to before
	shut    *space // is unsubscribed from after
	keep    *keep  // of a message for the stream
}

func (i item) size() int { return len(i.subject) + len(i.data) + 64 }

// newNode makes a node that is not connected.
func newNode(c Config, host backplane.Host) (*node, error) {
	if err := checkPrefix(c.Prefix); err != nil {
		return nil, err
	}
	if host.Logger == nil {
		host.Logger = slog.Default()
	}
	n := &node{
		config: c, id: backplane.NewID(), host: host,
		in:     newInbox(c.MaxReceivedBytes, host.Logger),
		joined: make(chan struct{}), quit: make(chan struct{}),
		spaces: make(map[string]*space), kawat: make(map[string]*kin),
		changed: make(map[string]bool), spoken: make(map[string]int), missing: make(map[string]struct{}),
	}
	n.link.arrived = make(chan *natsgo.Msg, arriving)
	n.link.down, n.link.up, n.link.lost = n.down, n.up, n.lost
	return n, nil
}

func (n *node) outbox(retry bool) *outbox.Outbox[item] {
	return outbox.New(outbox.Config[item]{
		MaxItems: n.config.MaxQueuedMessages, MaxBytes: n.config.MaxQueuedBytes,
		Size: item.size, Send: n.send, Retry: retry, Dropped: n.dropped,
	})
}

// begin subscribes to what all nodes of Kawat's hear, and says hello.
func (n *node) begin() error {
	for _, subject := range []string{membersOf, membersOf + "." + n.id, statesOf, statesOf + "." + n.id} {
		if _, err := n.link.nc.ChanSubscribe(n.config.Prefix+subject, n.link.arrived); err != nil {
			return fmt.Errorf("nats: %w", err)
		}
	}
	if err := n.link.nc.FlushTimeout(dialTimeout); err != nil {
		return n.config.unreachable(err)
	}
	host := n.host
	host.Left = func(id string) {
		n.in.must(func() {
			n.mu.Lock()
			n.miss(id)
			n.mu.Unlock()
			n.gone(id)
			if !n.isClosed() {
				n.host.Left(id)
			}
		})
	}
	host.Relay = func(from string, data []byte) {
		if !n.isClosed() {
			n.host.Relay(from, data)
		}
	}
	n.members = membership.New(membership.Config{
		ID: n.id, Host: host,
		Send: func(to string, data []byte) error {
			subject := n.config.Prefix + membersOf
			if to != "" {
				if !isUID(to) {
					return nil
				}
				subject += "." + to
			}
			return n.push(subject, data)
		},
	})
	close(n.joined)
	n.say(state{Ask: true})
	n.ended.Go(n.listen)
	n.ended.Go(n.beat)
	return nil
}

// push queues a payload.
func (n *node) push(subject string, data []byte) error {
	it, err := n.item(subject, data)
	if err != nil {
		return err
	}
	return n.out.Push(it)
}

// item makes a payload what is queued.
func (n *node) item(subject string, data []byte) (item, error) {
	data = n.sealed(subject, data)
	return item{subject: subject, data: data}, n.link.fits(len(data))
}

func (n *node) sealed(subject string, data []byte) []byte { return n.config.sealed(subject, data) }

// send is called by the goroutine that sends, and by no other. What is not kept waits
// in the connection while that is cut, and is lost if it is too much.
func (n *node) send(ctx context.Context, batch []item) (done int, err error) {
	for done < len(batch) {
		it := batch[done]
		if it.keep != nil {
			stored, err := n.stream.publish(ctx, batch[done:])
			if done += stored; err != nil {
				return done, err
			}
			continue
		}
		if err := n.sendOne(it); errors.Is(err, natsgo.ErrConnectionClosed) {
			return done, outbox.Never(err)
		} else if err != nil {
			n.dropped(1, err)
		}
		done++
	}
	return done, nil
}

func (n *node) sendOne(it item) error {
	if it.open != nil {
		if err := n.subscribe(it.open); err != nil {
			return err
		}
	}
	err := n.link.nc.Publish(it.subject, it.data)
	if it.shut != nil {
		for _, sub := range it.shut.subs {
			err = errors.Join(err, sub.Unsubscribe())
		}
	}
	return err
}

// ready calls do as soon as the node has joined.
func (n *node) ready(do func(m *membership.Members)) {
	select {
	case <-n.joined:
		do(n.members)
	case <-n.quit:
	}
}

// ID implements [backplane.Node].
func (n *node) ID() string { return n.id }

func (n *node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// Publish implements [backplane.Node].
func (n *node) Publish(m backplane.Message) error {
	it, err := n.draft(m, n.config.Prefix+"."+token(m.Namespace))
	if err != nil {
		return err
	}
	n.mu.Lock() // what it is counted in comes behind it
	defer n.mu.Unlock()
	if err := n.out.Push(it); err != nil {
		return err
	}
	n.spoke(m.Namespace)
	return nil
}

// Reply implements [backplane.Node].
func (n *node) Reply(to, m backplane.Message) error {
	if !isUID(to.From) && !n.isClosed() {
		return nil // nobody has such an id
	}
	m.Namespace, m.Request = to.Namespace, to.Request
	it, err := n.draft(m, n.config.Prefix+"."+token(m.Namespace)+private+to.From)
	if err != nil {
		return err
	}
	return n.out.Push(it)
}

// draft makes a message what is queued.
func (n *node) draft(m backplane.Message, subject string) (item, error) {
	if n.isClosed() {
		return item{}, backplane.ErrClosed
	}
	m.From = n.id
	data, err := wire.Append(nil, m)
	if err != nil {
		return item{}, fmt.Errorf("nats: %w", err)
	}
	return n.item(subject, data)
}

// Nodes implements [backplane.Node].
func (n *node) Nodes() []string { return n.members.Nodes() }

// Relay implements [backplane.Node].
func (n *node) Relay(to string, data []byte) error {
	if n.isClosed() {
		return backplane.ErrClosed
	}
	return n.members.Relay(to, data)
}

// listen takes over what has come.
func (n *node) listen() {
	for {
		select {
		case <-n.quit:
			return
		case msg := <-n.link.arrived:
			if !n.in.offer(len(msg.Data)+len(msg.Subject)+64, func() { n.received(msg.Subject, msg.Data) }) {
				n.lost(errors.New("nats: messages come faster than this node takes them"))
			}
		}
	}
}

// received is called for one message after another.
func (n *node) received(subject string, data []byte) {
	if n.isClosed() {
		return
	}
	data, err := n.config.opened(subject, data)
	if err != nil {
		n.ignored(err)
		return
	}
	rest := strings.TrimPrefix(subject, n.config.Prefix)
	switch to := "." + n.id; rest {
	case membersOf, membersOf + to:
		n.members.Received(data)
	case statesOf, statesOf + to:
		n.stated(data)
	default:
		m, err := wire.Decode(data, wire.Limits{})
		if err != nil {
			n.ignored(err)
			return
		}
		space, _, aside := strings.Cut(rest[1:], ".")
		n.message(space, m, !aside)
	}
}

func (n *node) observe(e backplane.Event) {
	if !n.isClosed() {
		n.host.Observe(e)
	}
}

func (n *node) ignored(err error) {
	n.observe(backplane.Event{Kind: backplane.Ignored, Err: err})
}

// dropped is told of what was queued and cannot be sent.
func (n *node) dropped(items int, err error) {
	n.observe(backplane.Event{Kind: backplane.Gap, Lost: items, Err: err})
}

// lost is told that messages of others were not taken.
func (n *node) lost(err error) {
	n.observe(backplane.Event{Kind: backplane.Gap, Lost: -1, Err: err})
}

func (n *node) down(err error) {
	if n.stream != nil {
		n.stream.echoes.Fail()
	}
	n.ready(func(m *membership.Members) { m.Down() })
	n.observe(backplane.Event{Kind: backplane.Down, Err: err})
}

// up tells the others what is open here, and asks them: there is no knowing what was
// missed.
func (n *node) up(after time.Duration) {
	n.ready(func(m *membership.Members) { m.Up() })
	n.observe(backplane.Event{Kind: backplane.Up, For: after})
	if n.stream != nil {
		n.stream.back()
	} else {
		n.observe(backplane.Event{Kind: backplane.Gap, Lost: -1, For: after})
	}
	n.mu.Lock()
	n.recount()
	n.mu.Unlock()
	n.say(state{Ask: true})
}

// Close implements [backplane.Node].
func (n *node) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	farewells := n.farewells()
	n.mu.Unlock()
	n.in.close()
	if n.out != nil {
		for _, it := range farewells {
			_ = n.out.Push(it)
		}
		if n.members != nil {
			n.members.Close()
			n.say(state{Bye: true})
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if n.out != nil {
		_ = n.out.Close(ctx)
	}
	close(n.quit)
	if n.stream != nil {
		n.stream.echoes.Close()
	}
	n.link.close(ctx)
	n.ended.Wait()
	return nil
}
