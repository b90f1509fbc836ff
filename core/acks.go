package socketio

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/packet"
)

// A Reply is what a client acknowledged an event with.
type Reply struct {
	event string
	args  packet.Args
}

// Len returns the number of arguments of the acknowledgement.
func (r Reply) Len() int { return r.args.Len() }

// Bind decodes the arguments, from the first one on, into the values that dst
// points to. A missing one, or one of another type, is a *[BindError].
func (r Reply) Bind(dst ...any) error { return bind(r.event, r.args, dst) }

// Args gives access to the arguments one by one.
func (r Reply) Args() packet.Args { return r.args }

// An ackReceiver is told of the acknowledgement of one socket, or of why there
// will be none. It is told once for each socket, without a lock.
type ackReceiver interface {
	receive(s *Socket, id int64, reply Reply, err error)
}

// expect registers who is told of an acknowledgement. It comes before the event
// is sent, since the answer can be very quick.
func (s *Socket) expect(id int64, r ackReceiver) error {
	defer s.inbox.wake() // reading goes further while an ack is awaited
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone() {
		return ErrDisconnected
	}
	if len(s.acks) >= s.server().cfg.MaxPendingAcks {
		return ErrTooManyAcks
	}
	if s.acks == nil {
		s.acks = make(map[int64]ackReceiver)
	}
	s.acks[id] = r
	s.server().pendingAcks.Add(1)
	return nil
}

// forgetAck takes a receiver back. It reports false if it has been told already,
// or is just being told.
func (s *Socket) forgetAck(id int64) (ackReceiver, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.acks[id]
	if ok {
		delete(s.acks, id)
		if len(s.acks) == 0 {
			s.acks = nil
		}
		s.server().pendingAcks.Add(-1)
	}
	return r, ok
}

func (s *Socket) owesAcks() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks) > 0
}

// acknowledged hands an ack to whom it is for. One that nobody waits for, because
// it is late or repeated, is ignored.
func (s *Socket) acknowledged(p packet.Incoming) {
	if r, ok := s.forgetAck(p.ID); ok {
		r.receive(s, p.ID, Reply{args: p.Args}, nil)
	}
}

// ackWaiter collects the acknowledgements of one event.
type ackWaiter struct {
	event string
	asked time.Time

	mu      sync.Mutex
	missing map[*Socket]struct{}
	replies []Reply
	err     error     // of the first socket that will not answer
	nodes   *nodeAcks // nil unless other nodes are asked as well
	single  bool      // one reply will do
	all     chan struct{}
}

func newAckWaiter(event string) *ackWaiter {
	return &ackWaiter{event: event, asked: time.Now(), missing: make(map[*Socket]struct{}), all: make(chan struct{})}
}

func (w *ackWaiter) receive(s *Socket, _ int64, reply Reply, err error) {
	if w.take(s, reply, err) {
		s.noteAck(w.event, w.asked, err)
	}
}

// take reports whether the socket's answer was waited for.
func (w *ackWaiter) take(s *Socket, reply Reply, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.missing[s]; !ok {
		return false
	}
	delete(w.missing, s)
	if err == nil {
		w.replies = append(w.replies, reply)
	} else if w.err == nil {
		w.err = err
	}
	w.settle()
	return true
}

// settle closes all when nothing more is to come. The caller holds w.mu.
func (w *ackWaiter) settle() {
	if (len(w.missing) > 0 || !w.nodes.complete()) && !(w.single && len(w.replies) > 0) {
		return
	}
	select {
	case <-w.all:
	default:
		close(w.all)
	}
}

// wait waits until all have answered, ctx ends, or the time is up; then those who
// have not answered are no longer expected to.
func (w *ackWaiter) wait(ctx context.Context, id int64, timeout time.Duration) error {
	err := waitFor(ctx, w.all, timeout)
	if err != nil {
		w.giveUp(id, err)
	}
	return err
}

// giveUp takes the wait for those back who have not answered, and says why.
func (w *ackWaiter) giveUp(id int64, err error) {
	w.mu.Lock()
	missing := w.missing
	w.missing = nil
	w.mu.Unlock()
	for s := range missing {
		s.forgetAck(id)
		s.noteAck(w.event, w.asked, err)
	}
}

// ackTimeout returns how long to wait for acks where Timeout has set d, if it has.
func (n *Namespace) ackTimeout(ctx context.Context, d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	if _, bounded := ctx.Deadline(); bounded {
		return math.MaxInt64 // the context knows better
	}
	return n.server.cfg.AckTimeout
}

// EmitWithAck is the untyped form of the function [EmitWithAck].
func (d Direct) EmitWithAck(ctx context.Context, event string, args ...any) (Reply, error) {
	s := d.socket
	id := s.namespace.nextID.Add(1) - 1
	out, err := s.namespace.event(event, id, args, !d.uncompressed)
	if err != nil {
		return Reply{}, err
	}
	w := newAckWaiter(event)
	w.missing[s] = struct{}{}
	if d.volatile && !s.conn.session.Writable() {
		return Reply{}, ErrDropped
	}
	if err := s.expect(id, w); err != nil {
		return Reply{}, err
	}
	defer s.forgetAck(id) // also if a listener below ends the goroutine
	if err := s.send(out.frames); err != nil {
		return Reply{}, err
	}
	s.noteSent(event)
	s.namespace.notifyOutgoing([]*Socket{s}, event, args)
	if err := w.wait(ctx, id, s.namespace.ackTimeout(ctx, d.timeout)); err != nil {
		return Reply{}, err
	}
	if w.err != nil {
		return Reply{}, w.err
	}
	return w.replies[0].of(event), nil
}

func (r Reply) of(event string) Reply {
	r.event = event
	return r
}

// EmitWithAckAll is the untyped form of the function [EmitWithAckAll]. Of what a
// client of another node acknowledges with, only the first argument comes here.
func (b Broadcast) EmitWithAckAll(ctx context.Context, event string, args ...any) ([]Reply, error) {
	return b.emitWithAcks(ctx, false, event, args)
}

// emitWithAcks waits for the acks of all or, if single is true, for the first.
func (b Broadcast) emitWithAcks(ctx context.Context, single bool, event string, args []any) ([]Reply, error) {
	n := b.namespace
	id := n.nextID.Add(1) - 1
	out, err := n.event(event, id, args, !b.uncompressed)
	if err != nil {
		return nil, err
	}
	w := newAckWaiter(event)
	w.single = single
	if b.beyond() != nil {
		w.nodes = newNodeAcks(b.beyond())
	}
	targets := b.sendAsking(w, id, out)
	defer w.giveUp(id, errPanic) // if a listener ends the goroutine
	n.noteBroadcast(event, len(targets))
	n.notifyOutgoing(targets, event, args)
	if w.nodes == nil {
		if len(targets) > 0 {
			err = w.wait(ctx, id, n.ackTimeout(ctx, b.timeout))
		}
	} else {
		err = b.waitBeyond(ctx, w, id, out, args)
	}
	if single && err == nil {
		w.giveUp(id, context.Canceled)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.replies {
		w.replies[i].event = event
	}
	if err == nil {
		err = w.err
	}
	if err != nil {
		return w.replies, &AckError{Expected: len(targets) + w.nodes.clients(), Received: len(w.replies), Err: err}
	}
	return w.replies, nil
}

// sendAsking queues an event with an ack id to all sockets of this node that are aimed
// at, and returns them.
func (b Broadcast) sendAsking(w *ackWaiter, id int64, out outgoing) []*Socket {
	n := b.namespace
	n.order.Lock()
	targets := b.targets()
	for _, s := range targets {
		w.missing[s] = struct{}{}
	}
	missed := make(map[*Socket]error)
	for _, s := range targets {
		err := s.expect(id, w)
		if err == nil {
			if err = b.send(s, out.frames); err != nil {
				s.forgetAck(id)
			}
		}
		if err != nil && w.take(s, Reply{}, err) {
			missed[s] = err
		}
	}
	n.order.Unlock()
	for s, err := range missed {
		s.noteAck(w.event, w.asked, err)
	}
	return targets
}
