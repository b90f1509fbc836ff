package socketio

import (
	"context"
	"log/slog"
)

// A worker is a socket as [engine.Work]: what its handlers have to do.
type worker Socket

// Do implements [engine.Work].
func (w *worker) Do() { (*Socket)(w).work(nil) }

// employ gives the work a goroutine of its own.
func (s *Socket) employ() {
	s.server().workers.add()
	go s.work(nil)
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
		s.conn.session.Hurry()
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
		s.inbox.awaitHandlers()
		s.runEndings(t.reason)
	default:
		if s.inbox.unfit {
			return // what it would need may not be there
		}
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

// runConnection calls the OnConnection functions. A socket that could not be set
// up is of no use, and its events are not handled.
func (s *Socket) runConnection() {
	ctx, err := s.Context(), errPanic
	defer func() { s.wasSetUp(ctx, err) }() // also if one ends its goroutine
	s.server().guard("OnConnection", func() {
		for _, f := range s.namespace.connectionFuncs() {
			if err = f(ctx, s); err != nil {
				return
			}
			err = errPanic // until all have returned
		}
		err = nil
	})
}

func (s *Socket) wasSetUp(ctx context.Context, err error) {
	s.setUp(err == nil)
	if err == nil {
		return
	}
	if err != errPanic && context.Cause(ctx) == nil {
		s.server().say(ctx, lineConnection, slog.LevelWarn, "OnConnection failed; the socket is disconnected",
			"namespace", logName(s.namespace.name), "socket", s.logID(), "error", logError{err})
	}
	s.inbox.unfit = true
	_ = s.Disconnect(false)
}
