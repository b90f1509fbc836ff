package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/packet"
)

// ServerSideEmit sends an event to the other nodes, where the functions of
// [Namespace.OnServerSide] hear it: not to clients, and not to this node. Without
// a Config.Backplane there are no others, and it does nothing. It fails if the
// event's name is reserved, if an argument cannot be encoded, or with what the
// backplane says. That it has arrived is not known; for that there is
// [Namespace.ServerSideEmitWithAck].
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	m, err := n.serverSideMessage(event, args)
	c := n.server.cluster
	if err != nil || c == nil {
		return err
	}
	return c.publish(m)
}

// ServerSideEmitWithAck sends an event to the other nodes and waits until each has
// acknowledged it. It returns what came in, in the order in which it came, and an
// *[AckError] if that is not from all, or a handler there has failed. The wait
// ends with ctx or, if that has no deadline, after Config.BackplaneTimeout
// ([ErrAckTimeout]). Nodes that have no such namespace, or leave meanwhile, are not
// waited for; one that has no handler for the event is an error. Without other
// nodes it returns nothing at once.
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Reply, error) {
	m, err := n.serverSideMessage(event, args)
	c := n.server.cluster
	if err != nil || c == nil {
		return nil, err
	}
	ctx, cancel := c.bounded(ctx, 0)
	defer cancel()
	var replies []Reply
	var failed error // the first handler's that has
	p := newPoll(func(m backplane.Message) {
		reply, err := c.replyOf(m)
		if err == nil {
			replies = append(replies, reply.of(event))
		} else if failed == nil {
			failed = err
		}
	})
	err = c.ask(ctx, m, p, p.all)
	expected := p.close()
	if err == nil {
		err = failed
	}
	if err != nil && expected > 0 {
		err = &AckError{Expected: expected, Received: len(replies), Err: err}
	}
	return replies, err
}

// replyOf reads an answer to an event.
func (c *cluster) replyOf(m backplane.Message) (Reply, error) {
	args, err := c.server.unpackArg(m.Data)
	if err != nil {
		c.ignore(m, err)
		return Reply{}, err
	}
	if m.Failed {
		var failed struct {
			Error Error `json:"error"`
		}
		if err := args.Bind(0, &failed); err != nil {
			return Reply{}, err
		}
		return Reply{}, &failed.Error
	}
	return Reply{args: args}, nil
}

// checkServerSide returns an error if an event between nodes cannot have that name.
func checkServerSide(event string) error {
	switch event {
	case "connect", "connection":
		return fmt.Errorf("socketio: the event name %q is reserved: use OnConnection, or choose another name", event)
	case "new_namespace":
		return fmt.Errorf("socketio: the event name %q is reserved: use OnNewNamespace, or choose another name", event)
	}
	return CheckEvent(event)
}

func (n *Namespace) serverSideMessage(event string, args []any) (backplane.Message, error) {
	if err := checkServerSide(event); err != nil {
		return backplane.Message{}, err
	}
	packed, err := n.server.pack(packet.Outgoing{Type: packet.Event, ID: packet.NoID, Namespace: n.name, Event: event, Args: args})
	return backplane.Message{Kind: backplane.ServerSideEmit, Namespace: n.name, Data: packed}, err
}

// waitFor waits until all is closed, ctx ends, or the time is up.
func waitFor(ctx context.Context, all <-chan struct{}, timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-all:
		return nil
	case <-timer.C:
		return ErrAckTimeout
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A ServerSideEvent is an event that another node has sent. It may be kept, and its
// methods may be called from any goroutine.
type ServerSideEvent struct {
	namespace *Namespace
	message   backplane.Message
	packet    packet.Incoming
	acked     atomic.Bool
}

// Name returns the event's name.
func (e *ServerSideEvent) Name() string { return e.packet.Event }

// Namespace returns the namespace that the event was sent on.
func (e *ServerSideEvent) Namespace() *Namespace { return e.namespace }

// From returns the id of the node that has sent the event.
func (e *ServerSideEvent) From() string { return e.message.From }

// Len returns the number of arguments.
func (e *ServerSideEvent) Len() int { return e.packet.Args.Len() }

// Bind decodes the arguments: see [Event.Bind].
func (e *ServerSideEvent) Bind(dst ...any) error { return bind(e.Name(), e.packet.Args, dst) }

// Args gives access to the arguments one by one.
func (e *ServerSideEvent) Args() packet.Args { return e.packet.Args }

// WantsAck reports whether the sender waits for an acknowledgement.
func (e *ServerSideEvent) WantsAck() bool { return e.message.Request != "" }

// Ack acknowledges the event, with one argument, or with null: those beyond the first
// do not reach other nodes. Where the sender does not wait for that it does nothing.
// The second call is an [ErrAlreadyAcked].
func (e *ServerSideEvent) Ack(args ...any) error {
	return e.answer(args, false)
}

// fail is Ack for an error. A server that is none of Kawat's would take it for an
// answer: it is not told, and gives up when its time is over, as it does with its like.
func (e *ServerSideEvent) fail(err *Error) error {
	if e.WantsAck() && !e.namespace.server.cluster.isKawat(e.From()) {
		return nil
	}
	return e.answer([]any{map[string]any{"error": errorObject(*err)}}, true)
}

func (e *ServerSideEvent) answer(args []any, failed bool) error {
	if !e.WantsAck() {
		return nil
	}
	if e.acked.Swap(true) {
		return ErrAlreadyAcked
	}
	packs := true
	defer func() {
		if packs {
			e.acked.Store(false) // so that the sender can be told of the failure
		}
	}()
	if len(args) == 0 {
		args = []any{nil}
	}
	packed, err := e.namespace.server.pack(packet.Outgoing{Type: packet.Ack, Args: args[:1]})
	if err != nil {
		return err
	}
	packs = false
	return e.namespace.server.cluster.respond(e.message, packed, failed)
}

// respond sends an answer to an event.
func (c *cluster) respond(to backplane.Message, packed backplane.Data, failed bool) error {
	return c.reply(to, backplane.Message{Kind: backplane.ServerSideEmitResponse, Data: packed, Failed: failed})
}

// A serverSide is what a namespace has for the events of other nodes.
type serverSide struct {
	mu       sync.Mutex
	handlers map[string][]*serverSideHandler
	queue    []*ServerSideEvent
	working  bool
}

type serverSideHandler func(ctx context.Context, m *ServerSideEvent) error

// OnServerSide adds a handler for an event that other nodes send by
// [Namespace.ServerSideEmit]. Several for one event are called in the order in
// which they were added, until one fails. The events of a namespace are handled
// one after another, those of one sender in the order in which they were sent; at
// most Config.MaxQueuedServerSideEvents wait. The context ends when the server
// leaves the backplane. If the handler returns an error and the sender waits, it
// gets an *[Error] as it is, and "internal error" for any other. The returned
// function takes the handler away again. It panics if the event's name is reserved:
// those of [CheckEvent], connection and new_namespace.
func (n *Namespace) OnServerSide(event string, h func(ctx context.Context, m *ServerSideEvent) error) (remove func()) {
	if err := checkServerSide(event); err != nil {
		panic(err)
	}
	added := serverSideHandler(h)
	n.serverSide.mu.Lock()
	defer n.serverSide.mu.Unlock()
	if n.serverSide.handlers == nil {
		n.serverSide.handlers = make(map[string][]*serverSideHandler)
	}
	n.serverSide.handlers[event] = append(slices.Clip(n.serverSide.handlers[event]), &added)
	return func() { n.serverSide.off(event, &added) }
}

func (s *serverSide) off(event string, h *serverSideHandler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(s.handlers[event]), func(other *serverSideHandler) bool { return other == h })
	if len(left) == 0 {
		delete(s.handlers, event)
	} else {
		s.handlers[event] = left
	}
}

func (s *serverSide) of(event string) []*serverSideHandler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handlers[event]
}

// emitted queues an event of another node for its handlers.
func (c *cluster) emitted(m backplane.Message) {
	n := c.server.namespace(m.Namespace)
	if n == nil {
		if m.Request != "" && !c.tellAbsent(m) {
			_ = c.respond(m, backplane.Data{}, false) // who has left needs no answer
		}
		return
	}
	p, err := c.server.unpack(packet.Event, m.Data)
	if err != nil {
		c.ignore(m, err)
		return
	}
	e := &ServerSideEvent{namespace: n, message: m, packet: p}
	if len(n.serverSide.of(e.Name())) == 0 {
		e.conclude(e.unheard())
		return
	}
	if !n.queueServerSide(e) {
		c.server.droppedServerSide.Add(1)
		_ = e.fail(&Error{Message: "too many events are waiting"})
	}
}

// queueServerSide starts a worker if none is there. It reports false if the queue
// is full.
func (n *Namespace) queueServerSide(e *ServerSideEvent) bool {
	s := &n.serverSide
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= n.server.cfg.MaxQueuedServerSideEvents {
		return false
	}
	s.queue = append(s.queue, e)
	if !s.working {
		s.working = true
		n.server.cluster.workers.add()
		go n.workServerSide()
	}
	return true
}

// workServerSide handles events until none is left. A handler that ends its
// goroutine does not end the work.
func (n *Namespace) workServerSide() {
	done := false
	defer func() {
		if !done {
			go n.workServerSide()
			return
		}
		n.server.cluster.workers.done()
	}()
	defer n.server.recovered("OnServerSide")
	for {
		e := n.nextServerSide()
		if e == nil {
			done = true
			return
		}
		e.handle()
	}
}

func (n *Namespace) nextServerSide() *ServerSideEvent {
	s := &n.serverSide
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 || n.server.cluster.ctx.Err() != nil {
		s.queue, s.working = nil, false
		return nil
	}
	e := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	return e
}

func (e *ServerSideEvent) unheard() error {
	return &Error{Message: fmt.Sprintf("no handler for the event %q", e.Name())}
}

func (e *ServerSideEvent) handle() {
	err := errPanic
	defer func() { e.conclude(err) }() // also if a handler ends its goroutine
	s, handlers := e.namespace.server, e.namespace.serverSide.of(e.Name())
	if len(handlers) == 0 { // they have been taken away meanwhile
		err = e.unheard()
		return
	}
	s.guard("OnServerSide", func() {
		for _, h := range handlers {
			if failed := vetted((*h)(s.cluster.ctx, e)); failed != nil {
				err = failed
				return
			}
		}
		err = nil
	})
}

// conclude tells the sender, and the log, of an event that has failed.
func (e *ServerSideEvent) conclude(err error) {
	if err == nil {
		return
	}
	public := disclosed(err)
	if e.WantsAck() && !e.acked.Load() {
		if e.fail(public) != nil && !e.acked.Load() {
			_ = e.fail(internalError)
		}
	}
	if err != error(public) && err != errPanic && !errors.Is(err, context.Canceled) {
		e.namespace.server.say(e.namespace.server.cluster.ctx, lineServerSide, slog.LevelWarn, "handler of an event from another node failed",
			"event", logName(e.Name()), "namespace", logName(e.namespace.name), "node", logName(e.From()), "error", logError{err})
	}
}
