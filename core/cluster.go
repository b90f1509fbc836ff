package socketio

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A cluster is a server's membership of a backplane.
type cluster struct {
	server *Server
	node   backplane.Node
	joined chan struct{} // closed when node is set
	ctx    context.Context
	cancel context.CancelFunc

	workers tally // that handle what other nodes have sent
	mail    postOffice

	mu       sync.Mutex
	requests map[string]*nodeRequest
}

// joinCluster makes the server a node, if it has a backplane.
func (s *Server) joinCluster() error {
	if s.cfg.Backplane == nil {
		return nil
	}
	c := &cluster{server: s, joined: make(chan struct{}), requests: make(map[string]*nodeRequest)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.mail.boxes[mailOperations] = mailbox{left: c.nodeLeft}
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
	s.mu.Lock()
	defer s.mu.Unlock()
	c.node, s.cluster = node, c
	for name := range s.namespaces {
		node.Open(name)
	}
	return nil
}

// joinTimeout is how long a server may take to become a node.
const joinTimeout = 10 * time.Second

// opened and shut tell the backplane that there is a namespace, or not any more. The
// caller holds server.mu. Without a backplane they do nothing.
func (c *cluster) opened(namespace string) {
	if c != nil {
		c.node.Open(namespace)
	}
}

func (c *cluster) shut(namespace string) {
	if c != nil {
		c.node.Shut(namespace)
	}
}

// observe is told of the state of the link between the nodes.
func (c *cluster) observe(backplane.Event) {}

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
		return
	}
	switch m.Kind {
	case backplane.ServerSideEmit:
		c.emitted(m)
	case backplane.ServerSideEmitResponse:
		c.answered(m)
	case backplane.NodeLeft:
		c.nodeLeft(m.From)
	}
}

// busCodec writes what nodes say to each other, whatever the clients' codec is.
var busCodec = packet.JSONCodec{MaxAttachments: 1 << 30}

// pack makes a value, or for an event an array, for other nodes. It holds copies of
// what was given.
func (s *Server) pack(p packet.Outgoing) (backplane.Data, error) {
	p.ID = packet.NoID
	encoded, err := busCodec.Encode(nil, p)
	if err != nil {
		return backplane.Data{}, fmt.Errorf("socketio: cannot send %s %q to other nodes: %w", p.Type, p.Event, err)
	}
	text := encoded.Head[bytes.IndexByte(encoded.Head, '['):]
	if p.Type == packet.Ack {
		text = text[1 : len(text)-1]
	}
	packed := backplane.Data{JSON: text}
	for _, data := range encoded.Attachments {
		packed.Attachments = append(packed.Attachments, bytes.Clone(data))
	}
	return packed, nil
}

// nodeLimits bound nothing that a node would not have bounded in sending: the
// other nodes are the program itself.
var nodeLimits = packet.Limits{Attachments: 1 << 30, AttachmentBytes: 1 << 40, Args: 1 << 30, NamespaceLength: 1 << 30, Depth: 10_000}

// unpack reads what pack has made of an Event or an Ack.
func (s *Server) unpack(kind packet.Type, packed backplane.Data) (p packet.Incoming, err error) {
	if len(packed.JSON) == 0 {
		return p, packet.ErrUnexpectedText
	}
	head := []byte{'0' + byte(kind)}
	if n := len(packed.Attachments); n > 0 {
		head[0] += byte(packet.BinaryEvent - packet.Event)
		head = append(strconv.AppendInt(head, int64(n), 10), '-')
	}
	if kind == packet.Ack {
		head = append(append(append(head, '0', '['), packed.JSON...), ']')
	} else {
		head = append(head, packed.JSON...)
	}
	decoder := busCodec.NewDecoder(nodeLimits)
	p, complete, err := decoder.Add(head, false)
	for _, data := range packed.Attachments {
		if err == nil {
			p, complete, err = decoder.Add(data, true)
		}
	}
	if err == nil && (!complete || p.Type != kind) {
		err = packet.ErrUnexpectedText
	}
	return p, err
}

// A nodeRequest collects the answers of other nodes.
type nodeRequest struct {
	missing  map[string]struct{} // guarded by cluster.mu, as all of it
	gone     map[string]struct{} // nodes that have left since the beginning
	expected int
	replies  []Reply
	err      error // of the first node that could not do it
	all      chan struct{}
}

// answeredBy takes a node off those that have not answered. The caller holds
// cluster.mu.
func (r *nodeRequest) answeredBy(node string) bool {
	if _, ok := r.missing[node]; !ok {
		return false
	}
	delete(r.missing, node)
	if len(r.missing) == 0 {
		close(r.all)
	}
	return true
}

// ask publishes a message and waits until all other nodes have answered.
func (c *cluster) ask(ctx context.Context, n *Namespace, m backplane.Message) ([]Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(backplane.ErrClosed) })()
	r := &nodeRequest{missing: make(map[string]struct{}), gone: make(map[string]struct{}), all: make(chan struct{})}
	m.Request = engine.NewID()
	c.begin(m.Request, r)
	defer c.forget(m.Request)
	peers, err := c.node.Peers(ctx, n.name)
	if err != nil || !c.expect(r, peers.IDs) {
		return nil, err
	}
	err = c.node.Publish(m)
	if err == nil {
		err = waitFor(ctx, r.all, n.ackTimeout(ctx, 0))
	}
	c.forget(m.Request)
	if err == nil {
		err = r.err
	}
	if err != nil {
		return r.replies, &AckError{Expected: r.expected, Received: len(r.replies), Err: err}
	}
	return r.replies, nil
}

func (c *cluster) begin(id string, r *nodeRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[id] = r
}

// forget ends a request: nothing changes it any more.
func (c *cluster) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.requests, id)
}

// expect notes who is to answer. It reports false if that is nobody.
func (c *cluster) expect(r *nodeRequest, peers []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, peer := range peers {
		if _, gone := r.gone[peer]; !gone {
			r.missing[peer] = struct{}{}
		}
	}
	r.expected = len(r.missing)
	return r.expected > 0
}

// answered takes the answer of another node. One that nobody waits for, because it
// is late or repeated, is ignored.
func (c *cluster) answered(m backplane.Message) {
	reply, concerned, err := c.reply(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requests[m.Request]
	switch {
	case r == nil || !r.answeredBy(m.From):
	case !concerned:
		r.expected--
	case err == nil:
		r.replies = append(r.replies, reply)
	case r.err == nil:
		r.err = err
	}
}

// reply reads an answer.
func (c *cluster) reply(m backplane.Message) (reply Reply, concerned bool, err error) {
	if m.Data.JSON == nil {
		return Reply{}, false, nil
	}
	p, err := c.server.unpack(packet.Ack, m.Data)
	if err == nil && m.Failed {
		var failed struct {
			Error Error `json:"error"`
		}
		if err = p.Args.Bind(0, &failed); err == nil {
			err = &failed.Error
		}
	}
	return Reply{args: p.Args}, true, err
}

// nodeLeft takes a node that has gone off those that are to answer.
func (c *cluster) nodeLeft(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		r.gone[node] = struct{}{}
		if r.answeredBy(node) {
			r.expected--
		}
	}
}
