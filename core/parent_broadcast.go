package socketio

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A ParentBroadcast aims at sockets of all children of a [ParentNamespace], as a
// [Broadcast] does at those of one namespace. It is an immutable value.
type ParentBroadcast struct {
	parent *ParentNamespace
	each   Broadcast // without a namespace
}

// To aims at the sockets in any of the rooms as well.
func (b ParentBroadcast) To(rooms ...string) ParentBroadcast {
	b.each = b.each.To(rooms...)
	return b
}

// In is another name of To.
func (b ParentBroadcast) In(rooms ...string) ParentBroadcast { return b.To(rooms...) }

// Except leaves out the sockets in any of the rooms.
func (b ParentBroadcast) Except(rooms ...string) ParentBroadcast {
	b.each = b.each.Except(rooms...)
	return b
}

// Volatile drops the event for clients that could not get it at once: see
// [Broadcast.Volatile].
func (b ParentBroadcast) Volatile() ParentBroadcast {
	b.each = b.each.Volatile()
	return b
}

// Local leaves out the sockets of other nodes.
func (b ParentBroadcast) Local() ParentBroadcast {
	b.each = b.each.Local()
	return b
}

// Compress says whether the event is worth compressing where the connection can.
func (b ParentBroadcast) Compress(compress bool) ParentBroadcast {
	b.each = b.each.Compress(compress)
	return b
}

// Timeout bounds how long EmitWithAckAll waits, instead of Config.AckTimeout.
func (b ParentBroadcast) Timeout(d time.Duration) ParentBroadcast {
	b.each = b.each.Timeout(d)
	return b
}

func (b ParentBroadcast) in(n *Namespace) Broadcast {
	b.each.namespace = n
	return b.each
}

// Emit sends an event to the sockets that are aimed at. It fails as
// [Broadcast.Emit] does. The event is encoded once for each child, whose name is
// part of it. Children that only other nodes have are reached, too, where those are
// nodes of Kawat's that have made their parents in the same order.
func (b ParentBroadcast) Emit(event string, args ...any) error {
	children := b.parent.snapshot()
	beyond := b.beyond()
	if len(children) == 0 || beyond != nil {
		if err := b.parent.probe(event, args); err != nil {
			return err
		}
	}
	var failed error
	for _, n := range children {
		if err := b.in(n).Emit(event, args...); err != nil {
			if beyond == nil {
				return err // about the event, so the others would say the same
			}
			failed = err
		}
	}
	if beyond != nil {
		if err := b.emitBeyond(beyond, children, event, args); err != nil {
			failed = err
		}
	}
	return failed
}

// EmitWithAckAll is the untyped form of the function [EmitWithAckAll]. The replies
// from one child come in the order in which they came in. Children that only other
// nodes have are not asked.
func (b ParentBroadcast) EmitWithAckAll(ctx context.Context, event string, args ...any) ([]Reply, error) {
	if err := b.parent.probe(event, args); err != nil {
		return nil, err
	}
	var all gathered
	var waiting sync.WaitGroup
	for _, n := range b.parent.snapshot() {
		if b := b.in(n); b.beyond() != nil || len(b.targets()) > 0 {
			waiting.Go(func() {
				var replies []Reply
				err := errPanic
				defer func() { all.add(replies, err) }()
				defer b.namespace.server.recovered("EmitWithAckAll")
				replies, err = b.EmitWithAckAll(ctx, event, args...)
			})
		}
	}
	waiting.Wait()
	if all.err != nil {
		return all.replies, &AckError{Expected: len(all.replies) + all.missing, Received: len(all.replies), Err: all.err}
	}
	return all.replies, nil
}

// gathered are the replies from several namespaces.
type gathered struct {
	mu      sync.Mutex
	replies []Reply
	missing int
	err     error // of the first namespace where one is missing
}

func (g *gathered) add(replies []Reply, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.replies = append(g.replies, replies...)
	var acks *AckError
	if errors.As(err, &acks) {
		g.missing += acks.Expected - acks.Received
		err = acks.Err
	}
	if g.err == nil {
		g.err = err
	}
}
