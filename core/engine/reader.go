package engine

import (
	"errors"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// A reader reads one connection, for the session that has it or that it asks to
// take over.
type reader struct {
	session   *Session
	conn      Conn
	candidate *candidate // nil when the connection is the session's
	settled   bool       // something has been read
	busy      bool       // what was read last had a message
	ended     func()     // nil if nobody waits
}

// start reads the connection until it ends, without a goroutine of its own if that
// is possible, else in the caller's.
func (r *reader) start() {
	if c, ok := r.conn.(ParkingConn); ok {
		deliver := r.deliver
		if c.Park(func() { r.awake(c, deliver) }) {
			return
		}
	}
	r.run()
}

// awake reads what has arrived. Then it handles it: the goroutine is free for that
// while the connection is at rest.
func (r *reader) awake(c ParkingConn, deliver func(bool, []byte) error) {
	read := false
	defer r.giveUp(&read)
	defer r.session.server.recovered("reader")
	for {
		more, err := c.ReadAvailable(deliver)
		var work Work
		if r.candidate == nil {
			work = r.session.flushReceived()
		}
		switch {
		case err != nil:
			r.session.start(work)
			r.failed(err)
			r.finish(r.session.server)
			read = true
			return
		case !more && c.Rest():
			read = true
			if work != nil {
				work.Do()
			}
			return
		}
		r.session.start(work)
	}
}

// run reads until the connection ends.
//
// What handles a message needs a larger stack than what waits for one, and a
// stack that has grown stays so as long as its goroutine waits. So when the
// connection comes to rest, which a heartbeat without messages shows, a fresh
// goroutine goes on waiting: an idle connection has the smallest stack there is.
func (r *reader) run() {
	read := false
	defer r.giveUp(&read)
	defer r.session.server.recovered("reader")
	deliver := r.deliver
	for {
		r.busy = false
		err := r.conn.ReadMessages(deliver)
		if r.candidate == nil {
			r.session.start(r.session.flushReceived()) // also what came together with the end
		}
		if err != nil {
			r.failed(err)
			r.finish(r.session.server)
			read = true
			return
		}
		if !r.busy || !r.settled {
			r.settled, read = true, true
			go r.run()
			return
		}
	}
}

// deliver handles one message.
func (r *reader) deliver(binary bool, data []byte) error {
	if r.candidate == nil {
		r.busy = r.busy || binary || len(data) > 0 && data[0] == eio.Message.Digit()
		return r.session.receiveMessage(binary, data)
	}
	upgraded, err := r.candidate.received(binary, data)
	if upgraded {
		r.candidate = nil
	}
	return err
}

var errReader = errors.New("engine: the reading of the connection ended by a panic, or with its goroutine")

// giveUp ends what nobody would go on reading after a panic, or after a function of
// the user's that has ended the goroutine.
func (r *reader) giveUp(read *bool) {
	if *read {
		return
	}
	if r.candidate != nil {
		r.candidate.abandon()
	} else {
		r.session.end(ReasonTransportError, errReader)
	}
	r.finish(r.session.server)
}

// failed ends the session whose connection this was, or gives up the candidate.
func (r *reader) failed(err error) {
	var broken *ConnError
	switch {
	case r.candidate != nil:
		r.candidate.abandon()
	case errors.As(err, &broken):
		r.session.end(ReasonTransportError, err)
	default:
		r.session.end(ReasonTransportClose, err)
	}
	drain(r.conn) // ended by us: the peer may still answer the close frame
}

// finish lets go of the connection.
func (r *reader) finish(s *Server) {
	r.conn.Abort()
	s.untrack(r.conn)
	if r.ended != nil {
		r.ended()
	}
}

// drain reads until the peer has answered the close frame.
func drain(c Conn) {
	for c.ReadMessages(func(bool, []byte) error { return nil }) == nil {
	}
}

// receiveMessage handles a message of the session's connection.
func (s *Session) receiveMessage(binary bool, data []byte) error {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	var p eio.Packet
	var err error
	switch {
	case s.legacy != nil:
		p, err = s.legacy.parse(binary, data)
	case binary:
		p = eio.Packet{Type: eio.Message, Binary: true, Data: data}
	default:
		p, err = eio.Parse(data)
	}
	if err != nil {
		s.end(ReasonParseError, err)
		return err
	}
	return s.received(p)
}

// flushReceived tells the receiver that the messages which came together are all
// there.
func (s *Session) flushReceived() Work {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	return s.flushReceiver()
}
