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
	space   *sync.Cond // for the reader of the connection; nil until it had to wait
	tasks   []task
	bytes   int
	running int // events whose handlers run at the same time: see Config.Concurrent
	working bool
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

// add queues an event. While there is no room it waits, and with it the reading
// of the client's connection; a handler that waits for an ack of its client keeps
// it going up to sixteen times as long, since the ack stands behind the events. It
// reports whether the worker has to be started.
func (in *inbox) add(s *Socket, p packet.Incoming) (start bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.full(s) && !in.ended {
		if in.space == nil {
			in.space = sync.NewCond(&in.mu)
		}
		in.startIfIdle(s)
		in.space.Wait()
	}
	if in.ended {
		return false
	}
	in.push(task{event: p})
	in.bytes += p.Args.Size()
	return !in.working
}

func (in *inbox) full(s *Socket) bool {
	cfg := &s.server().cfg
	events, bytes := cfg.MaxQueuedEvents, cfg.MaxQueuedEventBytes
	if s.owesAcks() {
		events, bytes = events*ackStretch, bytes*ackStretch
	}
	n := len(in.tasks) + in.running
	return n >= events || n > 0 && in.bytes >= bytes
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

// start starts the worker if there is something to do and none is at work.
func (in *inbox) start(s *Socket) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.startIfIdle(s)
}

func (in *inbox) startIfIdle(s *Socket) {
	if !in.working && len(in.tasks) > 0 {
		in.working = true
		s.server().workers.add()
		go s.work(nil)
	}
}

// connect queues the calls of the OnConnection functions, before anything else.
func (in *inbox) connect() {
	in.mu.Lock()
	defer in.mu.Unlock()
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

// work does the tasks, then what is queued until nothing is. A handler that ends
// its goroutine does not end the work: another goroutine goes on with it.
func (s *Socket) work(tasks []task) {
	done := false
	defer func() {
		if !done {
			go s.work(tasks)
			return
		}
		s.server().workers.done()
	}()
	defer s.server().recovered("worker")
	for {
		list := tasks
		for len(tasks) > 0 {
			t := tasks[0]
			tasks = tasks[1:] // before it is done, since it may not return
			s.do(t)
		}
		recycle(list)
		if tasks = s.inbox.take(); tasks == nil {
			done = true
			return
		}
	}
}

func recycle(list []task) {
	if cap(list) == 0 || cap(list) > maxPooledTasks {
		return
	}
	clear(list)
	list = list[:0]
	taskLists.Put(&list)
}

func (s *Socket) do(t task) {
	switch t.kind {
	case handleConnection:
		s.runConnection()
	case handleEnd:
		s.runEndings(t.reason)
	default:
		e := &Event{socket: s, packet: t.event}
		if s.server().cfg.Concurrent {
			s.inbox.began(t.event.Args.Size())
			s.server().workers.add()
			go s.dispatchAlone(e)
			return
		}
		s.dispatch(e)
	}
}

// dispatchAlone handles an event beside others of the socket.
func (s *Socket) dispatchAlone(e *Event) {
	defer s.server().workers.done()
	defer s.server().recovered("event handler")
	defer s.inbox.handled(e.packet.Args.Size())
	s.dispatch(e)
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

// runConnection calls the OnConnection functions. A socket that could not be set
// up is of no use.
func (s *Socket) runConnection() {
	ctx, err := s.Context(), errPanic
	defer func() { s.wasSetUp(ctx, err) }() // also if one ends its goroutine
	s.server().guard("OnConnection", func() {
		for _, f := range load(&s.namespace.onConnection) {
			if err = f(ctx, s); err != nil {
				return
			}
			err = errPanic // until all have returned
		}
		err = nil
	})
}

func (s *Socket) wasSetUp(ctx context.Context, err error) {
	if err == nil {
		return
	}
	if err != errPanic && context.Cause(ctx) == nil {
		s.server().log.Warn("OnConnection failed; the socket is disconnected",
			"namespace", s.namespace.name, "socket", s.id, "error", err)
	}
	_ = s.Disconnect(false)
}
