package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/membership"
	"github.com/kawat-go/kawat/internal/outbox"
)

// New makes a backplane. What is wrong with the Config is an error of Join.
func New(c Config) backplane.Backplane { return &plane{config: c, patience: standardPatience} }

type plane struct {
	config   Config
	patience patience
}

type node struct {
	settings
	id       string
	host     backplane.Host
	running  context.Context    // ends with Close
	stop     context.CancelFunc // ends the goroutines
	listener *listener
	inbox    *inbox
	taken    []arrival // what receive is about to hand over
	lanes    *lanes
	table    table
	read     func(ctx context.Context, id int64) ([]byte, error) // from the table
	queue    *outbox.Outbox[outgoing]
	sender   *sender
	members  *membership.Members

	mu        sync.Mutex
	closed    bool
	down      bool      // the link is cut
	looked    time.Time // when look was called last
	open      map[string]*namespace
	byChannel map[string]*namespace
}

// Join implements [backplane.Backplane].
func (p *plane) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	s, err := p.config.check()
	if err != nil {
		return nil, err
	}
	n := &node{
		settings: s, id: backplane.NewID(), host: host,
		inbox: newInbox(s.MaxQueuedMessages, s.MaxQueuedBytes), lanes: newLanes(s.MaxQueuedMessages, s.MaxQueuedBytes),
		open: make(map[string]*namespace), byChannel: make(map[string]*namespace),
	}
	n.listener = &listener{
		patience: p.patience, connect: n.connectListener, listening: n.listening, observe: n.changed,
		logger: host.Logger, heard: make(chan struct{}), done: make(chan struct{}), want: make(map[string]int),
	}
	n.listener.set(s.everybody(), true)
	n.listener.set(s.private(n.id), true)

	pool, err := s.ownPool(ctx)
	if err != nil {
		return nil, err
	}
	n.table = table{settings: s, patience: p.patience, pool: pool}
	if err := n.table.prepare(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	n.read = n.table.read
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.running, n.stop = running, stop
	n.sender = &sender{settings: s, patience: p.patience, connect: s.connect, dropped: n.dropped, logger: host.Logger}
	if err = n.sender.ready(ctx); err == nil { // what is said first is not late
		err = n.listen(ctx)
	}
	if err != nil {
		stop()
		n.sender.close()
		pool.Close()
		return nil, fmt.Errorf("postgres: cannot connect: %w", err)
	}
	n.sender.used = time.Now()
	n.queue = s.outbox(n.sender)
	n.join()
	go n.receive(running)
	go n.beat(running)
	go n.table.clean(running, host.Logger)
	return n, nil
}

// listen starts to listen and waits until that is so, that no answer is missed to what
// is said next.
func (n *node) listen(ctx context.Context) error {
	conn, err := n.listener.dial(ctx)
	if err != nil {
		return err
	}
	go n.listener.run(n.running, conn)
	ctx, cancel := context.WithTimeout(ctx, n.listener.answer)
	defer cancel()
	select {
	case <-n.listener.heard:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the server does not say that it has heard LISTEN: %w", ctx.Err())
	}
}

// join says hello to the nodes of Kawat's.
func (n *node) join() {
	private := n.host
	// Whoever leaves has been heard to the end before the host is told.
	private.Left = func(id string) {
		told := make(chan struct{})
		n.inbox.add(arrival{gone: id, told: told})
		select {
		case <-told:
		case <-n.running.Done():
		}
	}
	private.Observe = n.observe
	members := membership.New(membership.Config{ID: n.id, Send: n.sendMail, Host: private})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members = members
}

// changed is told what has become of the link.
func (n *node) changed(e backplane.Event) {
	n.mu.Lock()
	members := n.members
	switch e.Kind {
	case backplane.Down:
		n.down = true
	case backplane.Up:
		n.down = false
		n.hearAll(time.Now())
	}
	n.mu.Unlock()
	if members != nil {
		switch e.Kind {
		case backplane.Down:
			members.Down()
		case backplane.Up:
			members.Up()
		}
	}
	n.observe(e)
}

// ownPool makes a pool like the one of Config, of few connections that exist only
// while they are needed.
func (s settings) ownPool(ctx context.Context) (*pgxpool.Pool, error) {
	c := s.Pool.Config()
	s.bound(c.ConnConfig)
	c.MinConns, c.MinIdleConns, c.MaxConns = 0, 0, 4
	c.MaxConnIdleTime = 10 * time.Second
	c.HealthCheckPeriod = 5 * time.Second
	c.PingTimeout = time.Second
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return pool, nil
}

// bound has a connection end rather than make room for more than a message can be:
// what answers there may be anything, and its first bytes taken for a length.
func (s settings) bound(c *pgx.ConnConfig) {
	build := c.BuildFrontend
	c.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		f := build(r, w)
		f.SetMaxBodyLen(s.MaxMessageBytes + 1<<20)
		return f
	}
}

// connect makes a connection like those of the pool.
func (s settings) connect(ctx context.Context) (*pgx.Conn, error) { return s.connectWith(ctx, nil) }

func (s settings) connectWith(ctx context.Context, notified pgconn.NotificationHandler) (*pgx.Conn, error) {
	c := s.Pool.Config()
	s.bound(c.ConnConfig)
	c.ConnConfig.OnNotification = notified
	if _, set := c.ConnConfig.RuntimeParams["client_encoding"]; !set {
		c.ConnConfig.RuntimeParams["client_encoding"] = "UTF8" // as Node's servers have it, whatever the database's
	}
	if c.BeforeConnect != nil {
		if err := c.BeforeConnect(ctx, c.ConnConfig); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, c.ConnConfig)
	if err == nil && c.AfterConnect != nil {
		if err = c.AfterConnect(ctx, conn); err != nil {
			hangUp(conn.PgConn())
		}
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func (n *node) connectListener(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := n.connectWith(ctx, func(_ *pgconn.PgConn, notification *pgconn.Notification) {
		n.inbox.add(arrival{channel: notification.Channel, payload: notification.Payload})
	})
	if err != nil {
		return nil, err
	}
	return conn.PgConn(), nil
}

// ID implements [backplane.Node].
func (n *node) ID() string { return n.id }

// Publish implements [backplane.Node].
func (n *node) Publish(m backplane.Message) error {
	m.From = n.id
	return n.publish(n.channel(m.Namespace), m)
}

// Reply implements [backplane.Node]. In Node's format answers go to all who are in the
// namespace; a node of Kawat's gets its own alone.
func (n *node) Reply(to, m backplane.Message) error {
	m.From, m.Namespace, m.Request = n.id, to.Namespace, to.Request
	switch {
	case slices.Contains(n.members.Nodes(), to.From):
		return n.publish(n.private(to.From), m)
	case n.isPeer(to.Namespace, to.From) || n.isClosed():
		return n.publish(n.channel(m.Namespace), m)
	}
	return nil // nobody would take it
}

func (n *node) publish(channel string, m backplane.Message) error {
	if n.isClosed() {
		return backplane.ErrClosed
	}
	o, err := n.pack(channel, m)
	if err != nil {
		return err
	}
	n.mu.Lock()
	if ns := n.byChannel[channel]; ns != nil {
		ns.sent = time.Now()
	}
	n.mu.Unlock()
	return n.queue.Push(o)
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

// sendMail sends what nodes of Kawat's say to each other.
func (n *node) sendMail(to string, data []byte) error {
	channel := n.everybody()
	if to != "" {
		channel = n.private(to)
	}
	o, err := n.packMail(channel, n.id, data)
	if err != nil {
		return err
	}
	return n.queue.Push(o)
}

// dropped is told that messages could not be sent. The host is told by the goroutine
// that hands messages over, for it may close the node, which waits for this one.
func (n *node) dropped(count int, err error) { n.inbox.add(arrival{unsent: count, err: err}) }

func (n *node) observe(e backplane.Event) {
	if !n.isClosed() {
		n.host.Observe(e)
	}
}

func (n *node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

// Close implements [backplane.Node].
func (n *node) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	open := n.open
	n.open, n.byChannel = nil, nil
	n.mu.Unlock()
	var err error
	for _, ns := range open {
		var o outgoing
		if o, err = n.pack(ns.channel, backplane.Message{Kind: backplane.NodeLeft, From: n.id, Namespace: ns.name}); err == nil {
			err = errors.Join(err, n.queue.Push(o))
		}
	}
	n.members.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err = errors.Join(err, n.queue.Close(ctx))
	n.stop()
	n.sender.close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-n.listener.done
		n.table.pool.Close()
	}()
	select {
	case <-ended:
	case <-ctx.Done(): // this may be called by the host, from what is waited for
	}
	return err
}
