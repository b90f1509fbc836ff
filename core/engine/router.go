package engine

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// A Router brings requests to the server that has their session, where several servers
// share their clients: see [Server.Route]. Its methods are called from any goroutine.
type Router interface {
	// NewID makes the id of a new session of this server, as [NewID] does, so that the
	// others can tell whose it is.
	NewID() string
	// Serve has another server serve a request to a session of that id, by
	// [Server.ServeRouted], and waits for the reply. ctx ends when the client goes
	// away. The errors that count are [ErrNoSession] and [ErrRouterBusy].
	//
	// The request has what the protocol needs, and nothing else. Its Body must not
	// be used after Serve has returned.
	Serve(ctx context.Context, id string, r *Request) (Reply, error)
	// Accept asks the other server whether a WebSocket may be opened that asks to take
	// over a session, by [Server.AcceptRouted]. Without a Tunnel and an error, the
	// Reply is the answer.
	Accept(ctx context.Context, id string, r *Request) (Tunnel, Reply, error)
	// Release is called when the server is about to end: polls that hang at other
	// servers should be answered soon.
	Release()
}

// A Tunnel is a WebSocket of a session of another server, to be.
type Tunnel interface {
	// Start carries what comes and goes over the connection, until that or the other
	// server ends it. It does not wait. ended is called once, when the tunnel does not
	// use the connection any more.
	Start(c Conn, ended func())
	// Cancel gives it up instead.
	Cancel()
	// Leave asks the other server to move the client away, since this one is about to
	// end.
	Leave()
}

// Errors of a [Router].
var (
	// ErrNoSession: no other server has the session, or it cannot be reached any more.
	ErrNoSession = errors.New("engine: no other server has the session")
	// ErrRouterBusy: too much is on its way to the other server.
	ErrRouterBusy = errors.New("engine: too much is on its way to the server that has the session")
	// ErrTooLarge is what reading the Body of a request ends with that has more bytes
	// than Config.MaxPayload.
	ErrTooLarge = errors.New("body exceeds the limit")
)

// Route has requests to sessions that this server does not have brought to those that
// do, by a Router, which then makes the ids of sessions as well. It is for a server on
// top, such as that of Socket.IO, before the first request.
//
// What a request is checked for, and what is added to its reply, is this server's:
// middlewares, origins, the size of the body, header fields. The rules of the session
// are the other's.
func (s *Server) Route(r Router) { s.router.Store(&r) }

// routed has another server serve a request to a session that is not known here. If
// none knows it, the request is refused.
func (s *Server) routed(ctx context.Context, r *Request, why *refusal) Reply {
	router, q := s.router.Load(), r.query()
	if router == nil || q.sid.n != 1 {
		return s.refuse(r, why)
	}
	s.beginRouted()
	defer s.endRouted()
	essence := s.essence(r, &q)
	reply, err := (*router).Serve(ctx, q.sid.value, essence)
	switch {
	case errors.Is(err, ErrRouterBusy):
		reply = s.turnAway(r, unreachable)
	case err != nil:
		reply = s.refuse(r, why)
	case s.isClosed():
		reply.leaveHere()
	}
	if body, ok := essence.Body.(*limitedBody); ok && body.done() {
		reply.leaveHere()
	}
	return reply
}

// acceptRouted is routed for a request that asks for a WebSocket. It returns neither
// a tunnel nor a reply if nobody knows the session.
func (s *Server) acceptRouted(ctx context.Context, r *Request) (t Tunnel, reply Reply) {
	router, q := s.router.Load(), r.query()
	if router == nil || q.sid.n != 1 {
		return nil, Reply{}
	}
	s.beginRouted()
	defer s.endRouted()
	t, reply, err := (*router).Accept(ctx, q.sid.value, s.essence(r, &q))
	switch {
	case errors.Is(err, ErrRouterBusy):
		return nil, s.turnAway(r, unreachable)
	case err != nil:
		return nil, Reply{}
	}
	return t, reply
}

// beginRouted notes a request that is another server's to answer: Shutdown waits for it.
func (s *Server) beginRouted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routing++
}

func (s *Server) endRouted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routing--
	s.signalIdle()
}

// essence returns what another server has to know of a request, to a session that
// exists: no cookies, and no parameters that are the program's. All of it is short.
func (s *Server) essence(r *Request, q *query) *Request {
	e := &Request{
		Method: r.Method, Path: s.cfg.Path + "/", RawQuery: q.encode(), RemoteAddr: r.RemoteAddr, Secure: r.Secure,
		Header: Header{}, ContentLength: r.ContentLength,
	}
	for _, name := range [...]string{"Accept-Encoding", "Content-Type", "User-Agent", "Connection", "Upgrade"} {
		if values := r.Header[name]; len(values) > 0 && len(values[0]) <= maxEssence {
			e.Header[name] = values[:1:1]
		}
	}
	if len(e.Method) > maxMethod {
		e.Method = e.Method[:maxMethod]
	}
	if r.IsUpgrade() { // as lists of tokens these may have been anything
		e.Header["Connection"], e.Header["Upgrade"] = []string{"upgrade"}, []string{"websocket"}
	}
	if r.Body != nil {
		body := &limitedBody{request: r, left: s.cfg.MaxPayload}
		e.Body = body
		if r.SetReadDeadline != nil {
			_ = r.SetReadDeadline(time.Now().Add(s.cfg.BodyTimeout))
			e.SetReadDeadline = body.setDeadline
		}
	}
	return e
}

// maxEssence and maxMethod bound what is passed on of a header field and a method.
const (
	maxEssence = 512
	maxMethod  = 16
)

// encode writes a query that means the same to query.
func (q *query) encode() string {
	var b strings.Builder
	for _, p := range [...]struct {
		name string
		param
	}{{"transport", q.transport}, {"sid", q.sid}, {"EIO", q.revision}, {"b64", q.b64}} {
		for range min(p.n, 2) {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(p.name + "=" + url.QueryEscape(p.value[:min(len(p.value), 64)]))
		}
	}
	return b.String()
}

// A limitedBody is a request's body within the limits of its size and its time.
type limitedBody struct {
	request     *Request
	left        int64
	interrupted atomic.Bool
}

// Read implements [io.Reader].
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.request.Body.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

func (b *limitedBody) setDeadline(t time.Time) error {
	if !t.After(time.Now()) {
		b.interrupted.Store(true)
	}
	return b.request.SetReadDeadline(t)
}

// done lifts the deadline. It reports whether the reading was interrupted: behind a body
// that was read to its end all the same, net/http has met the deadline while it watched
// the connection, and takes the clients of all later requests there for gone.
func (b *limitedBody) done() (interrupted bool) {
	if b.request.SetReadDeadline != nil {
		_ = b.request.SetReadDeadline(time.Time{})
	}
	return b.interrupted.Load()
}

// ServeRouted serves a request that a [Router] of another server has brought. To the
// reply nothing is added that the other server adds.
func (s *Server) ServeRouted(ctx context.Context, r *Request) (reply Reply) {
	served := false
	defer s.failed(&reply, &served)
	reply = s.serveRouted(ctx, r)
	reply.own()
	served = true
	return reply
}

func (s *Server) serveRouted(ctx context.Context, r *Request) Reply {
	query := r.query()
	session, why := s.admitTo(&query, false)
	if why != nil && why.code == codeSessionUnknown {
		if ended := s.overtaken(r); ended != nil {
			return ended.payload(r, []*Frame{noopFrame})
		}
	}
	if why != nil {
		return s.refuse(r, why)
	}
	return session.serve(ctx, r)
}

// AcceptRouted is to ServeRouted what AcceptUpgrade is to ServePoll.
func (s *Server) AcceptRouted(r *Request) (u *Upgrade, reply Reply) {
	served := false
	defer s.failed(&reply, &served)
	query := r.query()
	session, why := s.admitTo(&query, true)
	if why == nil && s.cfg.DisableUpgrades {
		why = refusalOf(codeBadRequest, "UPGRADES_DISABLED")
	}
	if why != nil {
		reply = s.refuse(r, why)
	} else {
		u = &Upgrade{server: s, request: r, session: session}
	}
	served = true
	return u, reply
}

// ReleasePoll answers the poll of a session that hangs, if there is one: its client
// comes back at once, possibly by another way.
func (s *Server) ReleasePoll(id string) {
	if session := s.session(id); session != nil {
		session.mu.Lock()
		defer session.mu.Unlock()
		if session.poll != nil && session.state == open {
			session.flush()
		}
	}
}

// EndRouted ends the session of that id, if there is one, because something was lost on
// its way to or from the server that has the client.
func (s *Server) EndRouted(id string, cause error) {
	if session := s.session(id); session != nil {
		session.end(ReasonTransportError, cause)
	}
}

// Leave moves the client away, as [Server.Drain] does, if its session has the
// connection; one that is only asked to take over is closed, and the session goes on.
func (u *Upgrade) Leave() {
	s := u.session
	s.mu.Lock()
	c, mine := u.conn, u.conn != nil && s.conn == u.conn
	s.mu.Unlock()
	switch {
	case mine:
		go s.leave(context.Background())
	case c != nil:
		c.Close(0, "")
	}
}

// A leaver is a session, or a connection of a session that another server has.
type leaver interface{ leave(context.Context) }

type tunneled struct{ Tunnel }

func (t tunneled) leave(context.Context) { t.Leave() }

// carry has a tunnel carry what comes over a connection.
func (s *Server) carry(t Tunnel, c Conn, ended func()) {
	s.mu.Lock()
	s.tunnels[c] = t
	leaves := s.leaving
	s.mu.Unlock()
	t.Start(c, func() {
		c.Abort()
		s.mu.Lock()
		delete(s.tunnels, c)
		s.mu.Unlock()
		s.untrack(c)
		if ended != nil {
			ended()
		}
	})
	if leaves {
		t.Leave()
	}
}

var _ io.Reader = (*limitedBody)(nil)
