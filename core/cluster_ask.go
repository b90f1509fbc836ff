package socketio

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
)

// A question is what other nodes are asked, while answers are waited for. It guards
// itself.
type question interface {
	// take takes an answer. It reports false if nobody waits for that.
	take(m backplane.Message) bool
	// mail takes an answer that came by mail.
	mail(from string, a operation) bool
	// expect says who is to answer.
	expect(p backplane.Peers)
	// left says that a node has left. It reports whether the other nodes must be
	// counted again: it is not known whether the node was among those that were
	// counted.
	left(node string) (doubt bool)
	// recount says how many others there are now.
	recount(others int)
}

// An inquiry is a question with where it was asked.
type inquiry struct {
	namespace string
	question  question
}

// awaited are the nodes that are to answer. Where a backplane does not know who the
// others are, it says how many they are. The question's lock guards it.
type awaited struct {
	known   bool                // expect was called
	missing map[string]struct{} // who has not answered; nil if it is not known who is to
	count   int                 // how many have not answered, if it is not
	others  int                 // how many others there were
	seen    map[string]struct{} // who has answered
	gone    map[string]struct{} // who has left since the beginning
	all     chan struct{}       // closed when all have answered
}

func newAwaited() awaited {
	return awaited{seen: make(map[string]struct{}), gone: make(map[string]struct{}), all: make(chan struct{})}
}

func (a *awaited) expectPeers(p backplane.Peers) {
	a.known, a.count, a.others = true, p.Count, p.Count
	if p.IDs == nil {
		return
	}
	a.count, a.missing = 0, make(map[string]struct{})
	for _, id := range p.IDs {
		_, gone := a.gone[id]
		_, seen := a.seen[id]
		if !gone && !seen {
			a.missing[id] = struct{}{}
		}
	}
	a.others = len(a.missing)
}

// answered notes that a node has answered. It reports false if it is not waited for.
func (a *awaited) answered(from string) bool {
	if _, again := a.seen[from]; again && from != "" {
		return false
	}
	a.seen[from] = struct{}{}
	if a.missing != nil {
		_, ok := a.missing[from]
		delete(a.missing, from)
		return ok
	}
	a.count--
	return true
}

// leaves notes that a node has left: see [question].left.
func (a *awaited) leaves(node string) (doubt bool) {
	if _, again := a.gone[node]; again {
		return false
	}
	a.gone[node] = struct{}{}
	_, seen := a.seen[node]
	if a.missing != nil && !seen {
		if _, ok := a.missing[node]; ok {
			delete(a.missing, node)
			a.others--
		}
	}
	return a.known && a.missing == nil && !seen
}

// fewer takes one off those that are to answer, if there are fewer than there were.
func (a *awaited) fewer(others int) {
	if others < a.others {
		a.others--
		a.count--
	}
}

// left returns how many have not answered.
func (a *awaited) open() int { return len(a.missing) + max(a.count, 0) }

func (a *awaited) done() bool { return a.known && a.open() == 0 }

// settle closes all if all have answered.
func (a *awaited) settle() {
	if !a.done() {
		return
	}
	select {
	case <-a.all:
	default:
		close(a.all)
	}
}

// bounded returns a context for what other nodes are asked: it ends with ctx, when
// the server leaves the others, or after timeout, if that is set, or else after
// Config.BackplaneTimeout, if ctx has no deadline.
func (c *cluster) bounded(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		timeout = c.server.cfg.BackplaneTimeout
		if _, bounded := ctx.Deadline(); bounded {
			timeout = math.MaxInt64
		}
	}
	ctx, stop := context.WithTimeoutCause(ctx, timeout, ErrAckTimeout)
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(c.ctx, func() { cancel(backplane.ErrClosed) })
	return ctx, func() {
		unhook()
		cancel(nil)
		stop()
	}
}

// ask publishes a message with a question, and waits until all is closed, which is
// when all other nodes have answered.
func (c *cluster) ask(ctx context.Context, m backplane.Message, q question, all <-chan struct{}) error {
	m.Request = engine.NewID()
	c.begin(m.Request, inquiry{m.Namespace, q})
	defer c.forget(m.Request)
	peers, err := c.peers(ctx, m.Namespace)
	if err != nil {
		return err
	}
	if q.expect(peers); peers.Count == 0 {
		return nil
	}
	if err := c.publish(m); err != nil {
		return err
	}
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// peers asks the backplane for the other members of a namespace.
func (c *cluster) peers(ctx context.Context, namespace string) (backplane.Peers, error) {
	p, err := c.node.Peers(ctx, namespace)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return p, err
}

func (c *cluster) begin(id string, q inquiry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inquiries[id] = q
}

func (c *cluster) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inquiries, id)
}

// asked returns the question that an answer belongs to, or nil.
func (c *cluster) asked(id string) question {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inquiries[id].question
}

// answered takes the answer of another node. One that nobody waits for, because it
// is late or repeated, is ignored.
func (c *cluster) answered(m backplane.Message) {
	if q := c.asked(m.Request); q != nil {
		q.take(m)
	}
}

// memberLeft is told that a node has left a namespace, nodeLeft that one of Kawat's
// has left all: nobody waits for it any more, and it waits for nothing.
func (c *cluster) memberLeft(m backplane.Message) { c.gone(m.From, m.Namespace) }

func (c *cluster) nodeLeft(node string) { c.gone(node, "") }

func (c *cluster) gone(node, namespace string) {
	for _, q := range c.inquiriesIn(namespace) {
		if q.question.left(node) {
			c.workers.add()
			go c.recount(q)
		}
	}
	c.forgetAsks(node, namespace)
}

func (c *cluster) inquiriesIn(namespace string) (all []inquiry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.inquiries {
		if namespace == "" || namespace == q.namespace {
			all = append(all, q)
		}
	}
	return all
}

// recount asks the backplane once more how many others there are.
func (c *cluster) recount(q inquiry) {
	defer c.workers.done()
	defer c.server.recovered("Config.Backplane")
	ctx, cancel := c.bounded(c.ctx, 0)
	defer cancel()
	if p, err := c.peers(ctx, q.namespace); err == nil {
		q.question.recount(p.Count)
	}
}

// A poll is a question to which each node gives one answer.
type poll struct {
	mu sync.Mutex
	awaited
	each   func(m backplane.Message) // takes an answer, under mu
	posted func(a operation) bool    // takes one that came by mail, under mu, and reports whether it counts; may be nil
}

func newPoll(each func(m backplane.Message)) *poll { return &poll{awaited: newAwaited(), each: each} }

func (p *poll) take(m backplane.Message) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.answered(m.From) {
		return false
	}
	p.each(m)
	p.settle()
	return true
}

func (p *poll) mail(from string, a operation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case a.Op == opAbsent: // nothing is to be expected of it
		if !p.answered(from) {
			return false
		}
		p.others--
	case p.posted == nil || !p.answered(from):
		return false
	default:
		if !p.posted(a) {
			p.others--
		}
	}
	p.settle()
	return true
}

func (p *poll) expect(peers backplane.Peers) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expectPeers(peers)
	p.settle()
}

func (p *poll) left(node string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	doubt := p.leaves(node)
	p.settle()
	return doubt
}

func (p *poll) recount(others int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fewer(others)
	p.settle()
}

// close ends the poll: nothing changes it any more. It returns how many nodes were to
// answer.
func (p *poll) close() (expected int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.each, p.posted = func(backplane.Message) {}, nil
	return p.others
}
