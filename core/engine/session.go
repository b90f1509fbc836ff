package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine/eio"
	"github.com/kawat-go/kawat/core/internal/expiry"
)

// A Receiver is told what happens to one session.
type Receiver interface {
	// Message is called for each message of the client, in order, one at a time.
	// The data is valid during the call only. While it runs nothing more is read
	// from the client, so it should not wait for long; it may send.
	Message(data []byte, binary bool)
	// Flush is called after the last of the messages that arrived together. What
	// it returns, unless that is nil, is done when the client's next messages can
	// be read, however long it takes: by the goroutine that has read these, if it
	// is free then, or by one of its own.
	Flush() Work
	// Close is called once, when the session has ended. It can overtake a
	// Message that is still running.
	Close(reason Reason, cause error)
}

// Work is what messages give a [Receiver] to do beside the reading. A panic ends it,
// and nothing else.
type Work interface{ Do() }

// Funcs is a [Receiver] made of functions; each may be nil.
type Funcs struct {
	OnMessage func(data []byte, binary bool)
	OnClose   func(reason Reason, cause error)
}

// Message implements [Receiver].
func (f Funcs) Message(data []byte, binary bool) {
	if f.OnMessage != nil {
		f.OnMessage(data, binary)
	}
}

// Flush implements [Receiver].
func (f Funcs) Flush() Work { return nil }

// Close implements [Receiver].
func (f Funcs) Close(reason Reason, cause error) {
	if f.OnClose != nil {
		f.OnClose(reason, cause)
	}
}

// A Session is what the server knows of one client, whatever transports the
// client uses for it. All methods may be called from any goroutine.
type Session struct {
	server    *Server
	id        string
	handshake kept
	legacy    *legacy // nil unless the client is an older one

	// receiving is held while a client's message is handed to the receiver, so
	// that a POST and a WebSocket that takes over from it keep their order.
	receiving baton

	mu           sync.Mutex
	receiver     Receiver // nil until the user has named one
	state        state
	base64       bool                  // conn gets binary as text, as the client has asked
	waitsPong    bool                  // a ping is out
	refreshed    bool                  // a packet has put off the ping timeout since
	writing      bool                  // somebody writes the queue to conn, or is about to
	due          bool                  // that is the flusher, which has not begun
	listed       bool                  // in the flusher's list, also if somebody else has written meanwhile
	prompt       bool                  // conn is a PromptConn that is prompt
	posting      bool                  // a POST body is being read
	interrupted  bool                  // the session's end has cut it short
	polling      bool                  // a GET is being served
	upgraded     bool                  // from polling to conn
	dropped      bool                  // its end is not to be negotiated
	bodyDeadline func(time.Time) error // of that body, where the host can; nil when it is read
	queue        *queue
	conn         Conn           // nil while the session polls
	poll         poll           // the GET that hangs, if any
	candidate    *candidate     // the connection that asks to take over, if any
	ending       *ending        // why it ended, or why it is closing; nil while open
	events       *sessionEvents // nil unless the user wants to hear of some
	progress     progress       // since the last ping

	beat   expiry.Entry[*Session]
	opened time.Duration // when the session began, after the server's start
}

type state uint8

const (
	open    state = iota
	closing       // the queue is still delivered, nothing is added
	closed
)

// An ending is why a session ends.
type ending struct {
	reason Reason
	cause  error
	timer  *expiry.Entry[*Session] // that bounds the closing of a session that polls; else nil
}

// ID returns the session's id. It is the client's key to the session: do not
// show it to others.
func (s *Session) ID() string { return s.id }

// Request returns the request of the handshake, made anew for each who asks; its
// Values are shared by all and must not be changed.
func (s *Session) Request() *Request { return s.handshake.request() }

// Values returns the request's Values at little cost. They must not be changed.
func (s *Session) Values() map[string]any { return s.handshake.values }

// Context returns the request's Context or, where it has none, the background.
func (s *Session) Context() context.Context {
	if s.handshake.context == nil {
		return context.Background()
	}
	return s.handshake.context
}

// Transport returns the name of the transport in use: [Polling] or [WebSocket].
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return WebSocket
	}
	return Polling
}

// SendText sends a text message. See [Session.SendFrames] for its errors.
func (s *Session) SendText(text string) error {
	return s.SendFrames(MessageFrame(append(FrameBuffer(len(text)), text...)))
}

// SendBinary sends a binary message, a copy of data.
func (s *Session) SendBinary(data []byte) error {
	return s.SendFrames(BinaryFrame(data))
}

// SendFrames queues messages to be sent with nothing between them. It never waits
// for the client. It fails with [ErrClosed], or with [ErrQueueFull] after having
// ended the session as a slow consumer.
func (s *Session) SendFrames(frames ...*Frame) error { return s.send(frames, (*Session).flush) }

// Queue is like SendFrames for messages that may wait until others are sent or
// until Flush is called.
func (s *Session) Queue(frames ...*Frame) error { return s.send(frames, func(*Session) {}) }

func (s *Session) send(frames []*Frame, flush func(*Session)) error {
	s.mu.Lock()
	if s.state != open {
		s.mu.Unlock()
		return ErrClosed
	}
	if len(frames) == 0 {
		s.mu.Unlock()
		return nil
	}
	if !s.enqueue(frames) {
		messages, bytes := 0, 0
		if s.queue != nil {
			messages, bytes = len(s.queue.frames), s.queue.bytes
		}
		// From here on nothing gets through, or the client would be sent what
		// comes after the message that it misses.
		s.state, s.ending = closing, &ending{reason: ReasonSlowConsumer, cause: ErrQueueFull}
		s.mu.Unlock()
		go s.cut(messages, bytes)
		return ErrQueueFull
	}
	flush(s)
	s.mu.Unlock()
	return nil
}

// Flush sends what is queued, over a WebSocket before it returns: unlike
// SendFrames it can wait for the client to accept it, where the connection is no
// [PromptConn].
func (s *Session) Flush() {
	s.mu.Lock()
	if s.conn == nil || s.queue == nil || s.writing && !s.due {
		if s.queue != nil { // else a poll would end for nothing
			s.flush()
		}
		s.mu.Unlock()
		return
	}
	s.writing, s.due = true, false
	conn, prompt := s.conn, s.prompt
	s.mu.Unlock()
	switch {
	case prompt:
		s.writePrompt(conn.(PromptConn))
	case s.writeQueue(conn):
		go s.write(conn) // what others keep queueing is not the caller's to wait for
	}
}

// Hurry writes what SendFrames has left to the server's goroutines, if none of them
// has begun and it takes no waiting. It is for who has just sent the last of a few
// messages: over a [PromptConn] they cost one write, and no goroutine.
func (s *Session) Hurry() {
	s.mu.Lock()
	s.writeDue()
}

// Writable reports whether a message that is sent now would leave at once: a
// poll hangs, or nothing is being written to the connection. Messages that may
// be dropped are sent only then.
func (s *Session) Writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open || s.queue != nil {
		return false
	}
	return s.poll != nil || s.conn != nil && !s.writing
}

// Close ends the session after what is queued has been delivered, with
// [ReasonForcedClose]. It does not wait for that.
func (s *Session) Close() { s.close(ReasonForcedClose) }

// CloseNow is like Close for a session that is not worth any more waiting: what no
// poll has fetched, or what is queued for the connection, is dropped. A poll that
// hangs, and the client of a WebSocket, are told of the end.
func (s *Session) CloseNow() { s.end(ReasonForcedClose, nil) }

// Abort ends the session at once, with [ReasonTransportClose], and drops its
// connection: nothing that is queued is sent any more, and nobody is told.
func (s *Session) Abort() {
	s.end(ReasonTransportClose, errAborted)
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		conn.Abort()
	}
}

var errAborted = errors.New("engine: aborted")

// close begins an orderly end.
func (s *Session) close(reason Reason) {
	s.mu.Lock()
	if s.state != open {
		s.mu.Unlock()
		return
	}
	s.state, s.ending = closing, &ending{reason: reason}
	if s.conn != nil {
		s.flush()
		idle := !s.writing
		s.mu.Unlock()
		if idle { // else the writer ends it
			s.finish()
		}
		return
	}
	s.ending.timer = &expiry.Entry[*Session]{Value: s}
	s.server.closeTimeouts.Add(s.ending.timer)
	s.flush()
	s.mu.Unlock()
}

// cut ends the session of a client that has let so much pile up.
func (s *Session) cut(messages, bytes int) {
	defer s.finish()
	s.server.noteSlow(s, messages, bytes)
}

// drop ends the session at once, and its connection with it, because the server does.
func (s *Session) drop() {
	s.mu.Lock()
	s.dropped = true
	ended, conn := s.state == closed, s.conn
	s.mu.Unlock()
	if ended && conn != nil {
		conn.Abort() // its end is somebody else's, who waits for the receiver
	}
	s.end(ReasonServerShutdown, nil)
}

// finish ends a session that is closing.
func (s *Session) finish() {
	s.mu.Lock()
	why := s.ending
	s.mu.Unlock()
	s.end(why.reason, why.cause)
}

// end ends the session at once. Of concurrent calls the first one wins.
func (s *Session) end(reason Reason, cause error) {
	s.mu.Lock()
	if s.state == closed {
		s.mu.Unlock()
		return
	}
	if s.ending != nil && s.ending.timer != nil {
		s.server.closeTimeouts.Remove(s.ending.timer)
	}
	why := &ending{reason: reason, cause: cause}
	s.state, s.ending = closed, why
	s.dropQueue()
	receiver, conn, poll, candidate := s.receiver, s.conn, s.poll, s.candidate
	s.poll = nil
	s.setCandidate(nil)
	dropped := s.dropped
	events := s.events
	s.events = nil
	if s.bodyDeadline != nil {
		_ = s.bodyDeadline(time.Unix(1, 0)) // nobody waits for the body any more
		s.bodyDeadline, s.interrupted = nil, true
	}
	s.mu.Unlock()

	s.stopHeartbeat()
	defer s.server.forget(s) // when the receiver knows, even if that ends the goroutine
	if receiver != nil {     // else attach will tell it
		defer s.server.noteClosed(s, why)
	}
	defer s.tellClose(events, reason, cause)
	if poll != nil {
		poll.answer(lastWords(reason))
	}
	if candidate != nil {
		candidate.drop()
	}
	switch {
	case conn == nil:
	case dropped:
		conn.Abort()
	default:
		closeConn(conn, reason, cause)
	}
	if receiver != nil {
		s.server.guard("Receiver.Close", func() { receiver.Close(reason, cause) })
	}
}

// lastWords are what a poll that hangs is told at the end of its session: a
// client that has closed the session itself needs nothing but an answer.
func lastWords(reason Reason) *Frame {
	if reason == ReasonTransportClose {
		return noopFrame
	}
	return closeFrame
}

func closeConn(conn Conn, reason Reason, cause error) {
	var broken *ConnError
	switch {
	case errors.As(cause, &broken): // the connection has said so already
	case reason == ReasonPingTimeout, reason == ReasonSlowConsumer:
		conn.Abort() // nobody would read a farewell
	default:
		conn.Close(0, "")
	}
}

// received handles one packet, whatever transport brought it. It reports an
// error when nothing more must be read. The caller holds s.receiving.
func (s *Session) received(p eio.Packet) error {
	if s.legacy.isRev3() {
		return s.receivedRev3(p)
	}
	switch s.alive(p.Type == eio.Pong) {
	case closed:
		return ErrClosed
	case closing:
		return nil // what is queued is still on its way, so reading goes on
	}
	switch p.Type {
	case eio.Message:
		s.deliver(p)
	case eio.Ping:
		s.end(ReasonTransportError, errHeartbeat)
		return errHeartbeat
	}
	return nil // the client's other packets mean nothing here
}

var errHeartbeat = errors.New("invalid heartbeat direction")

// deliver hands a message to the receiver, whose panics are not the session's
// end but the message's.
func (s *Session) deliver(p eio.Packet) {
	defer s.server.recovered("Receiver.Message")
	s.receiver.Message(p.Data, p.Binary)
}

// flushReceiver tells the receiver that the messages which came together are all
// there. The caller holds s.receiving.
func (s *Session) flushReceiver() Work {
	defer s.server.recovered("Receiver.Flush")
	return s.receiver.Flush()
}

// start has work done by a goroutine of its own.
func (s *Session) start(w Work) {
	if w != nil {
		go s.doWork(w)
	}
}

// doWork does work on a stack that has room for a handler from the start. To grow
// step by step, each time with all that is on it by then, costs more.
func (s *Session) doWork(w Work) {
	defer s.server.recovered("Work.Do")
	growStack()
	w.Do()
}

//go:noinline
func growStack() {
	var room [6 << 10]byte
	touch(&room)
}

//go:noinline
func touch(*[6 << 10]byte) {}

func (s *Session) String() string { return fmt.Sprintf("engine session of %s", s.RemoteAddr()) }

// firstFrames are the handshake's answer.
func (s *Session) firstFrames(upgrades string) []*Frame {
	frames := []*Frame{s.openPacket(upgrades)}
	if s.server.initial != nil {
		frames = append(frames, s.server.initial)
	}
	return frames
}

// openPacket tells the client of its session.
func (s *Session) openPacket(upgrades string) *Frame {
	cfg := &s.server.cfg
	return packetFrame(eio.Open, fmt.Sprintf(
		`{"sid":%q,"upgrades":[%s],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		s.id, upgrades, cfg.PingInterval/time.Millisecond, cfg.PingTimeout/time.Millisecond, cfg.MaxPayload))
}

var (
	noopFrame  = packetFrame(eio.Noop, "")
	closeFrame = packetFrame(eio.Close, "")
	pingFrame  = packetFrame(eio.Ping, "")
	probeFrame = packetFrame(eio.Pong, "probe")
)
