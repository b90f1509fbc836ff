package engine

import "sync"

// A queue holds the frames that wait for a client. A session has one only while
// something waits.
type queue struct {
	frames []*Frame
	bytes  int
}

// maxPooled keeps the pool from holding on to the arrays of rare long queues.
const maxPooled = 1024

var queues = sync.Pool{New: func() any { return new(queue) }}

func (q *queue) release() {
	if cap(q.frames) > maxPooled {
		return
	}
	clear(q.frames)
	q.frames, q.bytes = q.frames[:0], 0
	queues.Put(q)
}

// enqueue adds frames to the queue, all or none: it reports false when they
// would not fit. The caller holds s.mu.
func (s *Session) enqueue(frames []*Frame) bool {
	cfg := &s.server.cfg
	size := 0
	for _, f := range frames {
		size += len(f.Payload())
	}
	waiting, bytes := 0, 0
	if s.queue != nil {
		waiting, bytes = len(s.queue.frames), s.queue.bytes
	}
	full := waiting+len(frames) > cfg.MaxQueuedMessages || waiting > 0 && bytes+size > cfg.MaxQueuedBytes
	if full || s.server.full(size, waiting > 0) {
		return false
	}
	s.server.backlog.add(len(frames), size)
	if s.queue == nil {
		s.queue = queues.Get().(*queue)
	}
	q := s.queue
	q.bytes += size
	q.frames = append(q.frames, frames...)
	return true
}

// full reports whether so many more bytes would be too much for all queues together.
// Who has taken all that it was sent is not to suffer for those who have not, and so
// has as much room again.
func (s *Server) full(size int, behind bool) bool {
	limit := s.cfg.MaxTotalQueuedBytes
	if !behind {
		limit *= 2
	}
	return s.backlog.bytes()+int64(size) > limit
}

// flush makes what is queued leave by the transport in use, if it can. The
// caller holds s.mu.
func (s *Session) flush() {
	switch {
	case s.conn != nil:
		switch {
		case s.writing || s.queue == nil:
		case s.prompt:
			s.writing, s.due = true, true
			s.server.flusher.add(s)
		default:
			s.writing = true
			go s.write(s.conn)
		}
	case s.poll != nil:
		p := s.poll
		s.poll = nil
		p.answer(nil)
	}
}

// takeQueue takes all that is queued; the caller holds s.mu and releases the
// queue.
func (s *Session) takeQueue() *queue {
	q := s.queue
	s.queue = nil
	return q
}

// dropQueue forgets what is queued. The caller holds s.mu.
func (s *Session) dropQueue() {
	if q := s.takeQueue(); q != nil {
		s.server.backlog.remove(len(q.frames), q.bytes)
		q.release()
	}
}

// write sends what is queued, and what is queued meanwhile, then ends. Only one
// runs at a time.
func (s *Session) write(conn Conn) {
	for s.writeQueue(conn) {
	}
}

// reshape puts frames, in place, into the form that the client's connection takes.
func (s *Session) reshape(frames []*Frame, asText bool) {
	for i, f := range frames {
		switch {
		case !f.binary:
		case !s.legacy.isRev3():
			frames[i] = f.text()
		case asText:
			frames[i] = f.textRev3()
		default:
			frames[i] = f.binaryRev3()
		}
	}
}

// writeQueue sends what is queued, and reports whether more has been queued
// meanwhile. The caller has set s.writing.
func (s *Session) writeQueue(conn Conn) bool {
	q := s.nextQueue()
	var err error
	if q != nil {
		err = conn.WriteFrames(q.frames)
		s.written(q)
	}
	return s.goOn(err)
}

// takeTurn is called when a flusher has come to the session.
func (s *Session) takeTurn() {
	s.mu.Lock()
	s.listed = false
	s.writeDue()
}

// writeDue writes to a session that the flusher was given, unless somebody has
// done so meanwhile. s.mu is held when it is called, and not any more when it returns.
func (s *Session) writeDue() {
	if !s.due {
		s.mu.Unlock()
		return
	}
	s.due = false
	conn := s.conn.(PromptConn)
	s.mu.Unlock()
	s.writePrompt(conn)
}

// writePrompt sends what is queued without waiting: a client that does not take it
// all gets a goroutine that waits for it. What is queued meanwhile is the flusher's,
// so that a client that is sent more and more takes turns with the others. The caller
// has set s.writing.
func (s *Session) writePrompt(conn PromptConn) {
	q := s.nextQueue()
	var err error
	if q != nil {
		var done bool
		if done, err = conn.TryWriteFrames(q.frames); err == nil && !done {
			go s.writeSlowly(conn, q)
			return
		}
		s.written(q)
	}
	s.handOver(err)
}

func (s *Session) writeSlowly(conn PromptConn, q *queue) {
	err := conn.FinishWrite()
	s.written(q)
	s.handOver(err)
}

// handOver ends a write over a PromptConn, and leaves the next to the flusher.
func (s *Session) handOver(err error) {
	if !s.goOn(err) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = true
	s.server.flusher.add(s)
}

// nextQueue takes what is queued, in the form that the connection takes.
func (s *Session) nextQueue() *queue {
	s.mu.Lock()
	q, asText := s.takeQueue(), s.base64
	s.mu.Unlock()
	if q != nil && (asText || s.legacy.isRev3()) {
		s.reshape(q.frames, asText)
	}
	return q
}

// written lets go of a queue that has been sent.
func (s *Session) written(q *queue) {
	s.server.backlog.remove(len(q.frames), q.bytes)
	for _, f := range q.frames {
		if f.once {
			f.recycle()
		}
	}
	q.release()
}

// goOn reports whether the writer has more to write; else it is none any more. An
// end is not for the flusher to see to, since it runs the receiver's code.
func (s *Session) goOn(err error) bool {
	s.mu.Lock()
	if err == nil && s.queue != nil {
		s.mu.Unlock()
		return true
	}
	s.writing = false
	ending := s.state == closing
	s.mu.Unlock()
	switch {
	case err != nil:
		go s.end(ReasonTransportClose, err)
	case ending:
		go s.finish()
	}
	return false
}

func isPrompt(c Conn) bool {
	p, ok := c.(PromptConn)
	return ok && p.Prompt()
}
