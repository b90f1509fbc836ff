package socketio

import (
	"context"
	"sync"

	"github.com/kawat-go/kawat/core/packet"
)

// An inbox holds what a socket's handlers have to do: its connection, its events
// in the order in which they came, its end. A worker does it, which exists only
// while there is something to do; it is started once for all the events that
// arrived together.
type inbox struct {
	mu      sync.Mutex
	space   *sync.Cond // for who waits for fewer tasks; nil until somebody had to
	tasks   []task
	bytes   int
	running int // events whose handlers run at the same time: see Config.Concurrent
	working bool
	held    bool // nothing is done until release is called
	unfit   bool // an OnConnection function has failed; for the worker only
	ended   bool
}

// A task is one thing to do. Without a kind it is an event.
type task struct {
	kind   taskKind
	event  packet.Incoming
	reason Reason
}

type taskKind uint8

const (
	handleEvent taskKind = iota
	handleConnection
	handleEnd
)

// taskLists keeps the lists of idle inboxes.
var taskLists = sync.Pool{New: func() any { return new([]task) }}

const maxPooledTasks = 64

// add queues an event, if there is room. If it is to wait for that, the reading of
// the client's connection waits with it; a handler that waits for an ack of its
// client keeps it going up to sixteen times as long, since the ack stands behind
// the events. It reports whether the worker has to be started. An event that comes
// after the socket's end counts as added.
func (in *inbox) add(s *Socket, p packet.Incoming, wait bool) (start, added bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.full(s) && !in.ended {
		if !wait {
			return false, false
		}
		in.startIfIdle(s)
		s.server().waiting.Add(1)
		in.waitForSpace()
		s.server().waiting.Add(-1)
	}
	if in.ended {
		return false, true
	}
	in.push(task{event: p})
	in.bytes += p.Args.Size()
	return !in.working, true
}

// waitForSpace waits for a change. The caller holds in.mu.
func (in *inbox) waitForSpace() {
	if in.space == nil {
		in.space = sync.NewCond(&in.mu)
	}
	in.space.Wait()
}

func (in *inbox) full(s *Socket) bool {
	cfg := &s.server().cfg
	n := len(in.tasks) + in.running
	over := func(stretch int) bool {
		return n >= cfg.MaxQueuedEvents*stretch || n > 0 && in.bytes >= cfg.MaxQueuedEventBytes*stretch
	}
	return over(1) && (!s.owesAcks() || over(ackStretch))
}

// ackStretch is how much further the queue goes while an ack is awaited.
const ackStretch = 16

// wake lets a reader that waits look again whether there is room.
func (in *inbox) wake() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.space != nil {
		in.space.Broadcast()
	}
}

func (in *inbox) push(t task) {
	if in.tasks == nil {
		in.tasks = *taskLists.Get().(*[]task)
	}
	in.tasks = append(in.tasks, t)
}

// start reports whether there is something to do and no worker; there is one from
// then on, which the caller must see to.
func (in *inbox) start() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.claim()
}

// claim is start, called with in.mu held.
func (in *inbox) claim() bool {
	if in.working || in.held || len(in.tasks) == 0 {
		return false
	}
	in.working = true
	return true
}

func (in *inbox) startIfIdle(s *Socket) {
	if in.claim() {
		s.employ()
	}
}

// release lets the work begin, where it was held back.
func (in *inbox) release(s *Socket) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.held = false
	in.startIfIdle(s)
}

// connect queues the calls of the OnConnection functions, before anything else. It
// may hold them back, and all that comes, until release is called.
func (in *inbox) connect(hold bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.held = hold
	in.push(task{kind: handleConnection})
}

// end queues the calls of the functions that hear of the socket's end. Nothing
// comes after it.
func (in *inbox) end(s *Socket, reason Reason) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended = true
	in.push(task{kind: handleEnd, reason: reason})
	if in.space != nil {
		in.space.Broadcast()
	}
	in.startIfIdle(s)
}

// take returns all there is to do, or nil, and then the worker must end.
func (in *inbox) take() []task {
	in.mu.Lock()
	defer in.mu.Unlock()
	tasks := in.tasks
	in.tasks = nil
	for i := range tasks {
		in.bytes -= tasks[i].event.Args.Size()
	}
	if tasks == nil {
		in.working = false
	}
	if in.space != nil {
		in.space.Broadcast()
	}
	return tasks
}

// began and handled count an event as waiting while its handlers run beside the
// worker, which would else take all that comes.
func (in *inbox) began(size int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.running++
	in.bytes += size
}

func (in *inbox) handled(size int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.running--
	in.bytes -= size
	if in.space != nil {
		in.space.Broadcast()
	}
}

// awaitHandlers waits for the handlers that run beside the worker.
func (in *inbox) awaitHandlers() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.running > 0 {
		in.waitForSpace()
	}
}

// awaitRest waits until nothing is left to do, or until ctx ends.
func (in *inbox) awaitRest(ctx context.Context) {
	defer context.AfterFunc(ctx, in.wake)()
	in.mu.Lock()
	defer in.mu.Unlock()
	for (in.working || in.running > 0 || len(in.tasks) > 0) && ctx.Err() == nil {
		in.waitForSpace()
	}
}
