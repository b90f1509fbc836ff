package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// Why a client's use of polling ends its session.
var (
	errPollOverlap = errors.New("overlap from client")
	errPostOverlap = errors.New("data request overlap from client")
	errPollCut     = errors.New("poll connection closed prematurely")
	errPostCut     = errors.New("data request connection closed prematurely")
	errContent     = errors.New("invalid content")
)

// A poll is a GET that hangs until there is something to tell. Whoever takes it
// out of its session, under the session's lock, gives it one answer: a frame, or
// nil to fetch what is queued.
type poll chan *Frame

func (p poll) answer(f *Frame) { p <- f }

// tooLate is the answer to a poll that came together with the packet by which a
// WebSocket takes over: it came too late, had the two not been on their way at the
// same time. To one that came earlier than that the answer is a noop.
var tooLate = new(Frame)

// together is how close to each other that is.
const together = 50 * time.Millisecond

// servePoll serves a GET: it returns what is queued, or waits for something.
func (s *Session) servePoll(ctx context.Context, r *Request) Reply {
	s.mu.Lock()
	if s.state == closed {
		s.mu.Unlock()
		if s.server.overtaken(r) != nil {
			return s.payload(r, []*Frame{noopFrame})
		}
		return s.server.refuse(r, refusalOf(codeSessionUnknown, ""))
	}
	if s.conn != nil {
		s.mu.Unlock()
		return s.server.refuse(r, refusalOf(codeBadRequest, "TRANSPORT_MISMATCH"))
	}
	if s.polling {
		s.mu.Unlock()
		s.end(ReasonTransportError, errPollOverlap)
		return Reply{Status: statusBadRequest}
	}
	s.polling = true
	if s.candidate != nil {
		s.candidate.polled = time.Now()
	}
	if s.queue != nil || s.state == closing {
		return s.answerPoll(ctx, r, nil)
	}
	p := make(poll, 1)
	s.poll = p
	s.mu.Unlock()

	select {
	case last := <-p:
		s.mu.Lock()
		return s.answerPoll(ctx, r, last)
	case <-ctx.Done():
		s.end(ReasonTransportError, errPollCut)
		return Reply{Status: statusBadRequest}
	}
}

// answerPoll makes the answer to the poll that is served. The caller holds s.mu,
// which it gives up.
func (s *Session) answerPoll(ctx context.Context, r *Request, last *Frame) Reply {
	s.polling = false
	if last != nil {
		s.mu.Unlock()
		if last == tooLate {
			return s.server.refuse(r, refusalOf(codeBadRequest, "TRANSPORT_MISMATCH"))
		}
		return s.pollReply(r, []*Frame{last})
	}
	if ctx.Err() != nil { // what is queued must not leave into the void
		s.mu.Unlock()
		s.end(ReasonTransportError, errPollCut)
		return Reply{Status: statusBadRequest}
	}
	if s.conn != nil { // a WebSocket has taken over: the queue is its
		s.mu.Unlock()
		return s.pollReply(r, []*Frame{noopFrame})
	}
	q, state, why := s.takeQueue(), s.state, s.ending
	s.mu.Unlock()
	switch {
	case q != nil:
		defer q.release()
		s.server.backlog.remove(len(q.frames), q.bytes)
		return s.pollReply(r, q.frames)
	case state == closing:
		s.finish()
		return s.pollReply(r, []*Frame{closeFrame})
	case state == closed:
		return s.pollReply(r, []*Frame{lastWords(why.reason)})
	default:
		return s.pollReply(r, []*Frame{noopFrame})
	}
}

// pollReply makes one payload of frames.
func (s *Session) pollReply(r *Request, frames []*Frame) Reply {
	reply := s.payload(r, frames)
	if !slices.ContainsFunc(frames, func(f *Frame) bool { return !f.compress }) {
		s.server.compress(&reply, r)
	}
	if len(frames) == 1 && frames[0] == closeFrame && s.server.isClosed() {
		reply.leaveHere()
	}
	return reply
}

func (s *Session) payload(r *Request, frames []*Frame) Reply {
	if s.legacy != nil {
		return s.legacy.payload(r, frames)
	}
	return payload(frames)
}

// payload makes a reply of frames.
func payload(frames []*Frame) Reply {
	reply := Reply{Status: statusOK, kind: payloadReply}
	if len(frames) == 1 && !frames[0].binary {
		reply.Body = frames[0].Payload()
		return reply
	}
	size := 0
	for _, f := range frames {
		n := len(f.Payload())
		if f.binary {
			n = 1 + base64.StdEncoding.EncodedLen(n)
		}
		size += n + 1
	}
	body := make([]byte, 0, size)
	for _, f := range frames {
		if f.binary {
			body = eio.AppendBinary(body, f.Payload())
		} else {
			body = eio.AppendText(body, f.Payload())
		}
	}
	reply.Body = body
	return reply
}

// servePost serves a POST: it hands the packets in its body to the receiver.
func (s *Session) servePost(r *Request) Reply {
	binary := strings.HasPrefix(r.Header.Get("Content-Type"), "application/octet-stream")
	if binary && !s.legacy.takesBinary() {
		s.end(ReasonTransportError, errContent)
		return Reply{Status: statusBadRequest}
	}
	if r.ContentLength > s.server.cfg.MaxPayload {
		return tooLarge()
	}
	if !s.beginPost(r) {
		s.end(ReasonTransportError, errPostOverlap)
		return Reply{Status: statusBadRequest}
	}
	defer s.endPost()
	buf := bodies.Get().(*[]byte)
	defer release(buf)
	body, err := s.readBody(r, buf)
	reply := Reply{Status: statusOK, Body: okBody, kind: okReply}
	switch {
	case errors.Is(err, ErrTooLarge):
		reply = tooLarge()
	case err != nil:
		s.end(ReasonTransportError, errors.Join(errPostCut, err))
		reply = Reply{Status: statusBadRequest, Header: Header{"Connection": {"close"}}}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			reply.Status = statusRequestTimeout
		}
	case !s.receivePayload(body, binary):
		reply = Reply{Status: statusBadRequest}
	}
	return reply
}

// endPost is deferred, since the receiver may end the goroutine.
func (s *Session) endPost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posting = false
}

func (s *Session) beginPost(r *Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.posting {
		return false
	}
	s.posting = true
	if r.SetReadDeadline != nil && s.state != closed {
		// A host that cannot bound the reading has its own limits.
		_ = r.SetReadDeadline(time.Now().Add(s.server.cfg.BodyTimeout))
		s.bodyDeadline = r.SetReadDeadline
	}
	return true
}

// bodyRead lifts the deadline. It comes from where the session's end cannot set
// it any more, and reports whether that has been so.
func (s *Session) bodyRead() (interrupted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bodyDeadline == nil {
		return s.interrupted
	}
	_ = s.bodyDeadline(time.Time{})
	s.bodyDeadline = nil
	return false
}

var okBody = []byte("ok")

// receivePayload handles the packets of a POST body. It reports false when the
// body was none, and then the session has ended, or when it came too late.
func (s *Session) receivePayload(body []byte, binary bool) bool {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	if !s.polls() {
		return false
	}
	defer s.startReceiver()
	packets := eio.Packets(body)
	if s.legacy != nil {
		packets = s.legacy.packets(body, binary)
	}
	for p, err := range packets {
		if more, ok := s.receivePosted(p, err); !more {
			return ok
		}
	}
	return true
}

// receivePosted handles a packet of a POST body, or what is there in its place. It
// reports whether the next one counts and, if not, whether this body was one.
func (s *Session) receivePosted(p eio.Packet, err error) (more, ok bool) {
	if err != nil {
		s.end(ReasonParseError, err)
		return false, false
	}
	if p.Type == eio.Close {
		s.expectPoll()
		s.end(ReasonTransportClose, nil)
		return false, true
	}
	if err := s.received(p); err != nil {
		return false, err != errHeartbeat
	}
	return true, true
}

// startReceiver has a goroutine do what the messages have given the receiver to do.
func (s *Session) startReceiver() { s.start(s.flushReceiver()) }

// polls reports whether the session has neither ended nor been taken over by a
// WebSocket, which can happen while a body is on its way.
func (s *Session) polls() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state != closed && s.conn == nil
}

func tooLarge() Reply {
	return Reply{Status: statusTooLarge, Header: Header{"Connection": {"close"}}}
}
