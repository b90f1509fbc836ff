package engine

import (
	"errors"
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
)

// An Upgrade is a WebSocket request that the server has agreed to: the adapter
// does the opening handshake and hands over the connection.
type Upgrade struct {
	server  *Server
	request *Request
	session *Session                // that the connection asks to take over; nil for a new one
	started bool                    // Start or Serve was called
	tunnel  Tunnel                  // to the server that has the session, if that is another
	conn    Conn                    // that asks to take over the session; guarded by the session's mu
	id      string                  // of the new session
	place   *expiry.Entry[*Upgrade] // kept for it where sessions are bounded, else nil; guarded by the server's mu
	header  Header
}

// WebSocketOptions tell an adapter how to frame the connection of an [Upgrade].
// They are a [Config]'s.
type WebSocketOptions struct {
	MaxPayload       int64
	WriteTimeout     time.Duration
	Deflate          bool
	DeflateThreshold int
	Parking          bool // silent connections may be parked, where the system can
}

// Header returns what the 101 response must carry beside the WebSocket
// handshake's own fields.
func (u *Upgrade) Header() Header { return u.header }

// WebSocket returns how the connection is framed.
func (u *Upgrade) WebSocket() WebSocketOptions {
	cfg := &u.server.cfg
	o := WebSocketOptions{MaxPayload: cfg.MaxPayload, WriteTimeout: cfg.WriteTimeout, Parking: !cfg.DisableParking}
	if cfg.PerMessageDeflate != nil {
		o.Deflate, o.DeflateThreshold = true, cfg.PerMessageDeflate.Threshold
	}
	return o
}

// Cancel gives the session up. An adapter calls it in place of Start or Serve where
// the opening handshake fails, so that somebody else can have the place that
// [Config].MaxSessions allows. After Start or Serve it does nothing.
func (u *Upgrade) Cancel() {
	u.server.unreserve(u)
	if u.tunnel != nil && !u.started {
		u.tunnel.Cancel()
	}
}

// Start runs the connection's session, in goroutines of its own, until the
// connection ends.
func (u *Upgrade) Start(c Conn) {
	u.started = true
	go u.run(c, nil)
}

// Serve is like Start, but returns when the connection has ended.
func (u *Upgrade) Serve(c Conn) {
	u.started = true
	ended := make(chan struct{})
	u.run(c, func() { close(ended) })
	<-ended
}

func (u *Upgrade) run(c Conn, ended func()) {
	u.server.track(c)
	if u.tunnel != nil {
		u.server.carry(u.tunnel, c, ended)
		return
	}
	r := &reader{conn: c, ended: ended}
	if u.session != nil {
		r.session, r.candidate = u.session, u.session.newCandidate(u, c)
		r.candidate.base64 = asksBase64(u.request)
		r.start()
		return
	}
	var err error
	if r.session, err = u.server.open(u.request, u.id, c, u); err != nil {
		u.server.unavailable(u.request, err) // too late for the client to see that answer
		c.Close(0, "")
		drain(c)
		r.finish(u.server)
		return
	}
	r.start()
}

// A candidate is a connection that asks to take over a session which polls. It
// proves itself by a ping that the server answers; then the client lets its
// polling run out and sends the upgrade packet. Until then the session goes on
// polling, whatever happens to the candidate.
type candidate struct {
	session *Session
	conn    Conn
	probed  bool
	base64  bool      // the client wants binary as text over it
	polled  time.Time // when the last poll came that it has seen
	timeout expiry.Entry[*candidate]
	noop    expiry.Entry[*candidate]
}

var errCandidate = errors.New("engine: not what a connection that takes over must send")

// newCandidate lets a connection ask to take over the session. If there is
// nothing to take over, it is told so at once.
func (s *Session) newCandidate(u *Upgrade, c Conn) *candidate {
	cand := &candidate{session: s, conn: c}
	cand.timeout.Value, cand.noop.Value = cand, cand
	s.mu.Lock()
	defer s.mu.Unlock()
	u.conn = c
	if s.state != open || s.conn != nil || s.candidate != nil {
		c.Close(0, "")
		return cand
	}
	s.setCandidate(cand)
	s.server.upgradeTimeouts.Add(&cand.timeout)
	return cand
}

// received handles a message of a candidate, and reports whether the candidate
// has become the session's connection.
func (cand *candidate) received(binary bool, data []byte) (upgraded bool, err error) {
	s := cand.session
	switch {
	case !cand.current():
	case !binary && string(data) == "2probe" && !cand.probed:
		cand.probed = true
		s.server.noops.Add(&cand.noop)
		return false, cand.conn.WriteFrames([]*Frame{probeFrame})
	case !binary && string(data) == "5" && cand.probed:
		ending, err := s.takeOver(cand)
		if err != nil {
			return false, err
		}
		s.server.noteUpgraded(s)
		s.tellUpgrade()
		if ending {
			s.finish()
		}
		return true, nil
	}
	return false, errCandidate
}

// setCandidate is called with s.mu held.
func (s *Session) setCandidate(cand *candidate) {
	if s.candidate != nil {
		s.server.upgrading.Add(-1)
	}
	if cand != nil {
		s.server.upgrading.Add(1)
	}
	s.candidate = cand
}

// current reports whether the candidate may still take over.
func (cand *candidate) current() bool {
	cand.session.mu.Lock()
	defer cand.session.mu.Unlock()
	return cand.session.candidate == cand
}

// sendNoop lets the client's poll end, so that it can move. A poll that comes
// later is let end too: the client's polls and its probe race each other.
func (cand *candidate) sendNoop() {
	s := cand.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.candidate != cand {
		return
	}
	if s.poll != nil && s.state == open {
		s.flush()
	}
	s.server.noops.Add(&cand.noop)
}

// takeOver makes the candidate's connection the session's. What is queued from
// now on, and what no poll has fetched, leaves by it. A session that was closing, and
// has nothing left to send, is for the caller to finish.
func (s *Session) takeOver(cand *candidate) (ending bool, err error) {
	s.receiving.Lock() // a POST that is being handled comes first
	defer s.receiving.Unlock()
	s.mu.Lock()
	if s.candidate != cand {
		s.mu.Unlock()
		return false, errCandidate
	}
	if s.poll != nil {
		last := noopFrame
		if time.Since(cand.polled) < together {
			last = tooLate
		}
		s.poll.answer(last)
		s.poll = nil
	}
	s.setCandidate(nil)
	s.server.webSockets.Add(1)
	s.conn, s.prompt, s.base64, s.upgraded = cand.conn, isPrompt(cand.conn), cand.base64, true
	s.progress = progress{}
	cand.stop()
	s.flush() // of a session that is closing the writer is the end
	ending = s.state == closing && !s.writing
	s.mu.Unlock()
	return ending, nil
}

// abandon gives up the candidate, if it still is one; the session goes on.
func (cand *candidate) abandon() {
	s := cand.session
	s.mu.Lock()
	mine := s.candidate == cand
	if mine {
		s.setCandidate(nil)
	}
	s.mu.Unlock()
	if mine {
		cand.drop()
	}
}

// drop closes the candidate's connection. The caller has taken the candidate out
// of its session.
func (cand *candidate) drop() {
	cand.stop()
	cand.conn.Close(0, "")
}

func (cand *candidate) stop() {
	cand.session.server.upgradeTimeouts.Remove(&cand.timeout)
	cand.session.server.noops.Remove(&cand.noop)
}
