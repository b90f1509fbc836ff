package engine

import (
	"context"
	"log/slog"
	"testing"
)

// Between the moment when a request is admitted and the one when it is served, or
// between a poll's call and its answer, the session may end or move. These moments
// are too short to be hit from outside.

func pollingSession(t *testing.T) (*Session, *Request) {
	srv, err := New(Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	var session *Session
	srv.OnConnection(func(s *Session) Receiver { session = s; return Funcs{} })
	r := &Request{Method: "GET", RawQuery: "EIO=4&transport=polling"}
	srv.ServePoll(context.Background(), r)
	return session, r
}

func TestAPollThatIsServedTooLate(t *testing.T) {
	s, r := pollingSession(t)
	s.conn = struct{ Conn }{} // has moved
	if got := s.servePoll(context.Background(), r); string(got.Body) != `{"code":3,"message":"Bad request"}` {
		t.Errorf("after the move: %d %s", got.Status, got.Body)
	}
	s.conn = nil
	s.end(ReasonForcedClose, nil)
	if got := s.servePoll(context.Background(), r); string(got.Body) != `{"code":1,"message":"Session ID unknown"}` {
		t.Errorf("after the end: %d %s", got.Status, got.Body)
	}
}

func TestAPollThatIsCalledJustBeforeTheEnd(t *testing.T) {
	for reason, want := range map[Reason]string{ReasonTransportClose: "6", ReasonSlowConsumer: "1"} {
		s, r := pollingSession(t)
		s.end(reason, nil)
		s.mu.Lock()
		if got := s.answerPoll(context.Background(), r, nil); string(got.Body) != want {
			t.Errorf("%s: %s, want %s", reason, got.Body, want)
		}
	}
}

func TestAPollThatIsCalledJustBeforeTheMove(t *testing.T) {
	s, r := pollingSession(t)
	s.mu.Lock()
	s.enqueue([]*Frame{BinaryFrame(nil)})
	s.conn = struct{ Conn }{}
	if got := s.answerPoll(context.Background(), r, nil); string(got.Body) != "6" {
		t.Errorf("got %s", got.Body)
	}
	if s.queue == nil {
		t.Error("what is queued is the WebSocket's, and is gone")
	}
	s.conn = nil
}

func TestAPollIsAnsweredOnce(t *testing.T) {
	s, _ := pollingSession(t)
	p := make(poll, 1)
	s.mu.Lock()
	s.poll = p
	s.flush()
	s.flush()
	s.mu.Unlock()
	s.close(ReasonForcedClose)
	s.end(ReasonForcedClose, nil)
	if len(p) != 1 {
		t.Errorf("%d answers", len(p))
	}
}
