package socketio

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/internal/relay"
	"github.com/kawat-go/kawat/core/packet"
)

// A cluster is a server's membership of a backplane.
type cluster struct {
	server *Server
	node   backplane.Node
	joined chan struct{} // closed when node is set
	ctx    context.Context
	cancel context.CancelFunc

	plain   bool  // the clients' codec is the one that nodes speak
	workers tally // that handle what other nodes have sent
	mail    postOffice
	errands errands
	counts  clusterCounts
	relay   *relay.Relay // nil unless sessions are shared

	durable    backplane.Durable // the node, if it is one
	departures departures
	searches   searches

	mu        sync.Mutex
	inquiries map[string]inquiry     // that other nodes are asked, by the requests' ids
	asks      map[askID]*relayedAcks // broadcasts of other nodes whose acks are waited for
}

// joinCluster makes the server a node, if it has a backplane.
func (s *Server) joinCluster() error {
	if s.cfg.Backplane == nil {
		return nil
	}
	c := &cluster{server: s, joined: make(chan struct{}), inquiries: make(map[string]inquiry), asks: make(map[askID]*relayedAcks)}
	_, c.plain = s.cfg.Codec.(packet.JSONCodec)
	c.errands.workers = &c.workers
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.searches.start(c)
	c.departures.start(c)
	c.mail.boxes[mailOperations] = mailbox{take: c.operate, left: c.nodeLeft}
	defer close(c.joined)
	ctx, cancel := context.WithTimeout(c.ctx, joinTimeout)
	defer cancel()
	node, err := s.cfg.Backplane.Join(ctx, backplane.Host{
		Receive: c.receive, Relay: c.received, Left: c.left, Observe: c.observe, Logger: s.log,
	})
	if err != nil {
		c.cancel()
		return fmt.Errorf("socketio: cannot join Config.Backplane: %w", err)
	}
	if err := c.enlist(node); err != nil {
		c.leave() // not under the lock: the backplane may take its time
		return err
	}
	return nil
}

// enlist makes the server take part, as the node.
func (c *cluster) enlist(node backplane.Node) error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	c.node, s.cluster = node, c
	c.durable, _ = node.(backplane.Durable)
	if err := c.startRelay(); err != nil {
		return err
	}
	for _, n := range s.namespaces {
		n.share(c)
		c.opened(n)
	}
	return nil
}

// joinTimeout is how long a server may take to become a node.
const joinTimeout = 10 * time.Second

// opened and shut tell the backplane that there is a namespace, or not any more. The
// caller holds server.mu. Without a backplane they do nothing.
func (c *cluster) opened(n *Namespace) {
	if c != nil {
		c.node.Open(n.name)
		n.tellsRooms(c)
	}
}

func (c *cluster) shut(namespace string) {
	if c != nil {
		c.node.Shut(namespace)
	}
}

// leaveCluster ends what waits for other nodes. It waits for handlers of their
// events as long as ctx does.
func (s *Server) leaveCluster(ctx context.Context) error {
	if s.cluster == nil {
		return nil
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		s.cluster.leave()
	}()
	select {
	case <-left:
	case <-ctx.Done():
		return fmt.Errorf("socketio: the backplane has not let go: %w", ctx.Err())
	}
	if err := s.cluster.workers.wait(ctx); err != nil {
		return fmt.Errorf("socketio: handlers of events from other nodes still run: %w", err)
	}
	return nil
}

func (c *cluster) leave() {
	c.closeRelay()
	c.cancel()
	c.server.engine.Call("Config.Backplane", func() {
		if err := c.node.Close(); err != nil {
			c.server.log.Warn("leaving the backplane failed", "error", err)
		}
	})
}

// receive takes what other nodes say. Answers are dealt with here, so that handlers
// may wait for them.
func (c *cluster) receive(m backplane.Message) {
	<-c.joined
	defer c.server.recovered("Config.Backplane")
	if c.node == nil || c.ctx.Err() != nil || m.From == c.node.ID() {
		if f, is := m.Note.(*flight); is && c.node != nil {
			f.broadcast.namespace.shared.landed(m, f)
		}
		return
	}
	c.counts.received.Add(1)
	c.passed(m)
	switch m.Kind {
	case backplane.Broadcast:
		c.broadcasted(m)
	case backplane.SocketsJoin, backplane.SocketsLeave, backplane.DisconnectSockets:
		c.changeSockets(m)
	case backplane.FetchSockets:
		c.fetched(m)
	case backplane.ServerSideEmit:
		c.emitted(m)
	case backplane.FetchSocketsResponse, backplane.ServerSideEmitResponse, backplane.ClientCount, backplane.Ack:
		c.answered(m)
	case backplane.NodeLeft:
		c.memberLeft(m)
	default:
		c.ignore(m, fmt.Errorf("a kind that is not known: %d", m.Kind))
	}
}
