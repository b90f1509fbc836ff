package socketio

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
)

// nodeAcks are what an [ackWaiter] knows of the clients of other nodes. The waiter's
// lock guards it.
type nodeAcks struct {
	awaited // that are to say how many clients they have
	cluster *cluster
	nodes   map[string]*askedNode // what they have said
	overdue bool                  // who has not said it is not waited for any more
}

// An askedNode has told how many of its clients were sent an event.
type askedNode struct {
	counted bool
	clients int
	acks    int // that came, or will never come
}

// complete reports whether nothing more is to come. Where answers do not say whose
// they are, it is the sums that count.
func (a *nodeAcks) complete() bool {
	if a == nil {
		return true
	}
	if !a.done() && !a.overdue {
		return false
	}
	clients, acks := 0, 0
	for _, n := range a.nodes {
		clients += n.clients
		acks += n.acks
		if n.counted && n.acks < n.clients && a.nodes[""] == nil {
			return false
		}
	}
	return a.nodes[""] == nil || acks >= clients
}

func (a *nodeAcks) of(from string) *askedNode {
	n := a.nodes[from]
	if n == nil {
		n = new(askedNode)
		a.nodes[from] = n
	}
	return n
}

// clients returns how many clients of other nodes were sent the event.
func (a *nodeAcks) clients() (sum int) {
	if a == nil {
		return 0
	}
	for _, n := range a.nodes {
		sum += n.clients
	}
	return sum
}

func newNodeAcks(c *cluster) *nodeAcks {
	return &nodeAcks{awaited: newAwaited(), cluster: c, nodes: make(map[string]*askedNode)}
}

// waitBeyond lets the broadcast reach the clients of other nodes, too, and waits for
// all. What the backplane cannot do is an error, after the clients that were reached
// have answered. Nodes that do not even say how many clients they have are waited for
// as for any other answer, if that is shorter.
func (b Broadcast) waitBeyond(ctx context.Context, w *ackWaiter, id int64, out outgoing, args []any) error {
	c, n := b.beyond(), b.namespace
	_, bounded := ctx.Deadline()
	ctx, cancel := c.bounded(ctx, n.ackTimeout(ctx, b.timeout))
	defer cancel()
	m, failed := b.ackMessage(ctx, out, id, w.event, args)
	m.Request = engine.NewID()
	c.begin(m.Request, inquiry{m.Namespace, (*ackQuestion)(w)})
	defer c.forget(m.Request)
	if failed == nil {
		failed = w.ask(ctx, m, b.timeout)
	}
	if failed != nil {
		(*ackQuestion)(w).expect(backplane.Peers{})
	}
	if !bounded && b.timeout <= 0 {
		defer time.AfterFunc(c.server.cfg.BackplaneTimeout, w.overdue).Stop()
	}
	err := w.wait(ctx, id, math.MaxInt64)
	if failed != nil {
		return failed
	}
	return w.unanswered(err)
}

// ask publishes a broadcast that wants acks.
func (w *ackWaiter) ask(ctx context.Context, m backplane.Message, timeout time.Duration) error {
	c := w.nodes.cluster
	ctx, cancel := c.bounded(ctx, timeout)
	defer cancel()
	peers, err := c.peers(ctx, m.Namespace)
	if err == nil {
		(*ackQuestion)(w).expect(peers)
	}
	if failed := c.publish(m); err == nil {
		err = failed
	}
	return err
}

// overdue says that nodes which have not said anything are not waited for any more.
func (w *ackWaiter) overdue() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes.overdue = true
	w.settle()
}

// unanswered makes it part of an error that nodes have not said anything.
func (w *ackWaiter) unanswered(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.nodes.open() == 0 || w.single && len(w.replies) > 0 {
		return err
	}
	if err == nil {
		err = ErrAckTimeout
	}
	return fmt.Errorf("%w: %d of %d other nodes have not answered", err, w.nodes.open(), w.nodes.others)
}

// An ackQuestion is an ackWaiter as other nodes see it.
type ackQuestion ackWaiter

func (q *ackQuestion) expect(p backplane.Peers) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.nodes.expectPeers(p)
	(*ackWaiter)(q).settle()
}

func (q *ackQuestion) take(m backplane.Message) bool {
	var reply Reply
	if m.Kind == backplane.Ack {
		args, err := q.nodes.cluster.server.unpackArg(m.Data)
		if err != nil {
			q.nodes.cluster.ignore(m, err)
			return false
		}
		reply.args = args
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.nodes.of(m.From)
	switch {
	case m.Kind == backplane.ClientCount && m.Count >= 0 && (!n.counted || m.From == ""):
		n.counted = true
		n.clients += m.Count
		q.nodes.answered(m.From) // one that came later is welcome
	case m.Kind == backplane.Ack && !(n.counted && n.acks >= n.clients && m.From != ""):
		n.acks++
		q.replies = append(q.replies, reply)
	default:
		return false
	}
	(*ackWaiter)(q).settle()
	return true
}

// mail says of clients that they will not answer.
func (q *ackQuestion) mail(from string, a operation) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.nodes.of(from)
	if a.Op != opLost || n.counted && n.acks >= n.clients {
		return false
	}
	n.acks++
	if q.err == nil {
		q.err = a.reason()
	}
	(*ackWaiter)(q).settle()
	return true
}

func (q *ackQuestion) left(node string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	doubt := q.nodes.leaves(node)
	if n := q.nodes.nodes[node]; n != nil {
		n.clients = n.acks // its other clients are gone with it
	}
	(*ackWaiter)(q).settle()
	return doubt
}

func (q *ackQuestion) recount(others int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.nodes.fewer(others)
	(*ackWaiter)(q).settle()
}

// An askID is what tells the requests of other nodes apart.
type askID struct{ node, namespace, request string }

// relayedAcks sends the acks of this node's clients to the node that waits for them.
type relayedAcks struct {
	cluster *cluster
	message backplane.Message // that asked
	event   string
	asked   time.Time
	id      int64
	timer   *time.Timer
	missing map[*Socket]struct{} // guarded by cluster.mu
}

// maxAskTime bounds how long the acks of clients are waited for, whatever another node
// says.
const maxAskTime = 24 * time.Hour

// askClients sends an event of another node that wants acks. Its reply says how many
// clients that goes to.
func (c *cluster) askClients(n *Namespace, m backplane.Message, event string) {
	b := n.aimed(m.Options)
	r := &relayedAcks{cluster: c, message: m, event: event, asked: time.Now(), id: n.nextID.Add(1) - 1, missing: make(map[*Socket]struct{})}
	r.message.Data = backplane.Data{} // is not needed any more
	out, err := n.unpackFrames(m, event, r.id)
	if err != nil {
		c.ignore(m, err)
		_ = c.reply(m, backplane.Message{Kind: backplane.ClientCount})
		return
	}
	n.order.Lock()
	targets := b.targets()
	if !c.expectAcks(r, targets) {
		n.order.Unlock()
		return // it was given twice
	}
	_ = c.reply(m, backplane.Message{Kind: backplane.ClientCount, Count: len(targets)})
	failed := make(map[*Socket]error)
	for _, s := range targets {
		if err := s.expect(r.id, r); err != nil {
			failed[s] = err
		} else if err := b.send(s, out.frames); err != nil {
			s.forgetAck(r.id)
			failed[s] = err
		}
	}
	n.order.Unlock()
	for s, err := range failed {
		r.receive(s, r.id, Reply{}, err)
	}
	n.noteBroadcast(event, len(targets))
	c.tellListeners(n, m, targets, event)
}

// expectAcks files what is waited for. It reports false if that is the case already.
func (c *cluster) expectAcks(r *relayedAcks, targets []*Socket) bool {
	timeout := r.message.Options.Flags.Timeout
	if timeout <= 0 {
		timeout = c.server.cfg.AckTimeout
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := r.key()
	if c.asks[key] != nil {
		return false
	}
	if len(targets) == 0 {
		return true
	}
	for _, s := range targets {
		r.missing[s] = struct{}{}
	}
	c.asks[key] = r
	r.timer = time.AfterFunc(min(timeout, maxAskTime), func() { r.giveUp(ErrAckTimeout) })
	return true
}

func (r *relayedAcks) key() askID {
	return askID{r.message.From, r.message.Namespace, r.message.Request}
}

// receive implements [ackReceiver].
func (r *relayedAcks) receive(s *Socket, _ int64, reply Reply, err error) {
	if !r.take(s) {
		return
	}
	s.noteAck(r.event, r.asked, err)
	var data backplane.Data
	if err == nil {
		data, err = r.cluster.server.packArg(reply.args)
	}
	if err != nil {
		r.cluster.tellLost(r.message, err)
		return
	}
	_ = r.cluster.reply(r.message, backplane.Message{Kind: backplane.Ack, Data: data}) // if it is lost, the sender waits for its time
}

// take reports whether the socket's answer is waited for.
func (r *relayedAcks) take(s *Socket) bool {
	r.cluster.mu.Lock()
	defer r.cluster.mu.Unlock()
	if _, ok := r.missing[s]; !ok {
		return false
	}
	delete(r.missing, s)
	if len(r.missing) == 0 {
		r.timer.Stop()
		delete(r.cluster.asks, r.key())
	}
	return true
}

// giveUp forgets who has not answered.
func (r *relayedAcks) giveUp(err error) {
	c := r.cluster
	defer c.server.recovered("Config.Backplane")
	c.mu.Lock()
	missing := r.missing
	r.missing = nil
	r.timer.Stop()
	delete(c.asks, r.key())
	c.mu.Unlock()
	for s := range missing {
		s.forgetAck(r.id)
		s.noteAck(r.event, r.asked, err)
	}
}

var errAskerLeft = errors.New("socketio: the node that waited for the ack has left")

// forgetAsks forgets what a node has asked that has left a namespace, or all if that
// is "".
func (c *cluster) forgetAsks(node, namespace string) {
	c.forgetAsksIf(errAskerLeft, func(id askID) bool {
		return id.node == node && (namespace == "" || namespace == id.namespace)
	})
}

func (c *cluster) forgetAsksIf(why error, matches func(askID) bool) {
	var asks []*relayedAcks
	c.mu.Lock()
	for id, r := range c.asks {
		if matches(id) {
			asks = append(asks, r)
		}
	}
	c.mu.Unlock()
	for _, r := range asks {
		r.giveUp(why)
	}
}

// ackMessage is what other nodes are asked for acks by. The context has a deadline.
func (b Broadcast) ackMessage(ctx context.Context, out outgoing, id int64, event string, args []any) (backplane.Message, error) {
	m, err := b.message(out, id, event, args)
	end, _ := ctx.Deadline()
	m.Options.Flags.Timeout = max(time.Until(end), time.Millisecond)
	return m, err
}
