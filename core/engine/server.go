package engine

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/internal/expiry"
	"github.com/kawat-go/kawat/core/internal/quiet"
)

// A Server holds the sessions of its clients. Adapters bring it their hosts'
// requests. All methods may be called from any goroutine.
type Server struct {
	cfg          Config
	log          *slog.Logger // cfg.Logger, guarded
	onConnection atomic.Pointer[func(*Session) Receiver]
	serveFile    atomic.Pointer[func(*Request) (Reply, bool)]
	router       atomic.Pointer[Router]
	initial      *Frame // Config.InitialPacket; nil if there is none

	middlewares      hookList[Middleware]
	connectionErrors hookList[func(ConnectionError)]
	badHeader        atomic.Bool // the log has said that one was left out
	noIDLine         quiet.Line
	usual            [okReply + 1]Header // see makeUsual

	registry
	flusher flusher

	pings, pongs, closeTimeouts *expiry.Queue[*Session]
	silences                    *expiry.Queue[*Session] // of clients that speak revision 3
	upgradeTimeouts, noops      *expiry.Queue[*candidate]
	farewellTimes               *expiry.Queue[*farewell]
	places                      *expiry.Queue[*Upgrade]
	bucket                      *bucket // nil if handshakes may come as often as they like

	observer Observer
	counters
}

// noopInterval is how often a client that is about to move to WebSocket is let go
// of its poll; the reference's.
const noopInterval = 100 * time.Millisecond

// New makes a server. It fails if the configuration makes no sense, and then its
// error names the field.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, registry: newRegistry()}
	s.start = time.Now()
	if cfg.Observer != nil {
		s.observer = *cfg.Observer
	}
	s.log = slog.New(guardedLog{cfg.Logger.Handler(), &s.panics})
	if cfg.InitialPacket != "" {
		s.initial = MessageFrame(append(FrameBuffer(len(cfg.InitialPacket)), cfg.InitialPacket...))
	}
	s.makeUsual()
	s.pings = expiry.New(cfg.PingInterval, (*Session).sendPing)
	s.pongs = expiry.New(cfg.PingTimeout, (*Session).pingTimedOut)
	s.silences = expiry.New(s.silence(), (*Session).fellSilent)
	s.closeTimeouts = expiry.New(cfg.CloseTimeout, func(session *Session) { go session.finish() })
	s.upgradeTimeouts = expiry.New(cfg.UpgradeTimeout, (*candidate).abandon)
	s.noops = expiry.New(noopInterval, (*candidate).sendNoop)
	s.places = expiry.New(cfg.WriteTimeout, s.unreserve)
	s.bucket = newBucket(cfg.MaxHandshakesPerSecond)
	s.farewellTimes = expiry.New(farewellTime, func(f *farewell) { s.forgetFarewell(f) })
	return s, nil
}

// Engine returns the server itself; it makes the server an [Endpoint].
func (s *Server) Engine() *Server { return s }

// Config returns the server's configuration, with its defaults.
func (s *Server) Config() Config { return s.cfg }

// Path returns where clients find the server, without a slash at its end.
func (s *Server) Path() string { return s.cfg.Path }

// Logger returns what the server logs to: Config.Logger, whose panics it stops.
func (s *Server) Logger() *slog.Logger { return s.log }

// MaxPayload returns the most bytes that a message or a POST body may have.
func (s *Server) MaxPayload() int64 { return s.cfg.MaxPayload }

// WriteTimeout returns how long a client may take to accept a response.
func (s *Server) WriteTimeout() time.Duration { return s.cfg.WriteTimeout }

// OnConnection sets what is called for each new session, before anything is read
// from it. It returns who is told what happens to the session; nil ends it. A server
// on top, such as that of Socket.IO, has set it for itself: do not replace it there.
func (s *Server) OnConnection(f func(*Session) Receiver) { s.onConnection.Store(&f) }

// ServePoll serves every request that does not ask for a WebSocket. A GET waits
// until there is something to tell, or until ctx ends because the client has gone
// away.
func (s *Server) ServePoll(ctx context.Context, r *Request) (reply Reply) {
	served := false
	defer s.failed(&reply, &served)
	reply = s.serve(ctx, r)
	served = true
	return reply
}

// failed, when deferred, makes the answer to a request that nobody could serve
// because of a panic: not every host stops those.
func (s *Server) failed(reply *Reply, served *bool) {
	if *served {
		return
	}
	if v := recover(); v != nil {
		s.notePanic("HTTP request", v)
		*reply = s.ReplyError(statusInternal, "internal error")
	}
}

func (s *Server) serve(ctx context.Context, r *Request) Reply {
	if reply, ok := s.file(r); ok {
		return reply
	}
	s.seeThrough(r)
	reply, handshake := s.answer(ctx, r)
	s.addHeaders(&reply, r, handshake)
	return reply
}

func (s *Server) answer(ctx context.Context, r *Request) (reply Reply, handshake bool) {
	if c, crowded := s.crowd(r); crowded {
		return s.turnAway(r, c), false
	}
	if reply, ok := s.runMiddlewares(ctx, r); !ok {
		return reply, false
	}
	return s.servePoll(ctx, r)
}

func (s *Server) servePoll(ctx context.Context, r *Request) (reply Reply, handshake bool) {
	if r.Method == "OPTIONS" && len(s.cfg.AllowedOrigins) > 0 {
		return s.preflight(r), false
	}
	session, why := s.admit(ctx, r, false)
	if why != nil && why.code == codeSessionUnknown {
		if ended := s.overtaken(r); ended != nil {
			return ended.payload(r, []*Frame{noopFrame}), false
		}
		return s.routed(ctx, r, why), false
	}
	switch {
	case why != nil:
		return s.refuse(r, why), false
	case session == nil:
		return s.handshake(r), true
	}
	return session.serve(ctx, r), false
}

// serve serves a request to a session that exists.
func (s *Session) serve(ctx context.Context, r *Request) Reply {
	switch r.Method {
	case "GET":
		return s.servePoll(ctx, r)
	case "POST":
		return s.servePost(r)
	}
	return Reply{Status: statusMethodNotAllowed, Header: Header{"Allow": {"GET, POST"}}}
}

// handshake opens a session that polls.
func (s *Server) handshake(r *Request) Reply {
	id, err := s.newID(r)
	if err != nil {
		return s.withoutID(r, err)
	}
	session, err := s.open(r, id, nil, nil)
	if err != nil {
		return s.unavailable(r, err)
	}
	upgrades := ""
	if !s.cfg.DisableUpgrades && slices.Contains(s.cfg.Transports, WebSocket) {
		upgrades = `"` + WebSocket + `"`
	}
	reply := session.pollReply(r, session.firstFrames(upgrades))
	if c := s.cfg.Cookie; c != nil {
		reply.own()
		reply.Header.Set("Set-Cookie", c.of(id, r))
	}
	return reply
}

// leaveHere closes the HTTP connection behind a reply of a server that is about to end.
// A client that kept it for its next session would come to the same server again,
// whatever balancer is in between.
func (r *Reply) leaveHere() {
	r.own()
	if r.Header == nil {
		r.Header = Header{}
	}
	r.Header.Set("Connection", "close")
}

// unavailable answers a handshake whose session could not be registered.
func (s *Server) unavailable(r *Request, err error) Reply {
	switch err {
	case errShutdown:
		return s.turnAway(r, shuttingDown)
	case errFull:
		return s.turnAway(r, full)
	}
	return s.withoutID(r, err)
}

// withoutID refuses a handshake for which there is no id.
func (s *Server) withoutID(r *Request, err error) Reply {
	s.noIDLine.Log(r.context(), s.log, slog.LevelError, "no session id", "error", quiet.Value(err))
	why := refusalOf(codeBadRequest, "ID_GENERATION_ERROR")
	why.cause = err
	return s.refuse(r, why)
}

// AcceptUpgrade decides on a request that asks for a WebSocket. Where it returns
// no Upgrade, the Reply is the answer.
func (s *Server) AcceptUpgrade(ctx context.Context, r *Request) (u *Upgrade, reply Reply) {
	served := false
	defer s.failed(&reply, &served)
	u, reply = s.acceptUpgrade(ctx, r)
	served = true
	return u, reply
}

func (s *Server) acceptUpgrade(ctx context.Context, r *Request) (*Upgrade, Reply) {
	s.seeThrough(r)
	if c, crowded := s.crowd(r); crowded {
		return nil, s.turnAway(r, c)
	}
	if reply, ok := s.runMiddlewares(ctx, r); !ok {
		return nil, reply
	}
	if query := r.query(); query.sid.n == 0 && s.isClosed() { // sessions that are there may still move
		return nil, s.turnAway(r, shuttingDown)
	}
	session, why := s.admit(ctx, r, true)
	if why == nil && session != nil && s.cfg.DisableUpgrades {
		why = refusalOf(codeBadRequest, "UPGRADES_DISABLED")
	}
	u := &Upgrade{server: s, request: r, session: session}
	if why != nil && why.code == codeSessionUnknown {
		var reply Reply
		if u.tunnel, reply = s.acceptRouted(ctx, r); reply.Status != 0 {
			return nil, reply
		}
	}
	if why != nil && u.tunnel == nil {
		return nil, s.refuse(r, why)
	}
	handshake := session == nil && u.tunnel == nil
	if handshake {
		id, err := s.newID(r)
		if err != nil {
			return nil, s.withoutID(r, err)
		}
		u.id = id
		if !s.reserve(u) {
			return nil, s.turnAway(r, full)
		}
	}
	reply := Reply{Header: Header{}}
	s.runHeaderHooks(reply.Header, r, handshake)
	if chosen := r.subprotocol(); chosen != "" && reply.Header.Get("Sec-WebSocket-Protocol") == "" {
		reply.Header.Set("Sec-WebSocket-Protocol", chosen)
	}
	u.header = reply.Header
	return u, Reply{}
}

// addHeaders completes a polling response.
func (s *Server) addHeaders(reply *Reply, r *Request, handshake bool) {
	if s.addUsual(reply, r) {
		return
	}
	reply.own()
	if reply.Header == nil {
		reply.Header = Header{}
	}
	if reply.Status == statusOK && reply.Header.Get("Cache-Control") == "" {
		reply.Header.Set("Cache-Control", "no-store")
		addForExplorer(reply.Header, r)
	}
	if reply.Header.Get("Access-Control-Allow-Origin") == "" { // as a middleware's answer may have it
		s.addCORS(reply.Header, r)
	}
	s.runHeaderHooks(reply.Header, r, handshake)
}

func (s *Server) runHeaderHooks(h Header, r *Request, handshake bool) {
	if handshake && s.cfg.InitialHeaders != nil {
		s.Call("Config.InitialHeaders", func() { s.cfg.InitialHeaders(h, r) })
	}
	if s.cfg.Headers != nil {
		s.Call("Config.Headers", func() { s.cfg.Headers(h, r) })
	}
	if s.cfg.InitialHeaders != nil || s.cfg.Headers != nil {
		s.sanitize(h)
	}
}

// open makes a session, over a connection or, if that is nil, one that polls. The
// upgrade, if there is one, may have kept a place for it.
func (s *Server) open(r *Request, id string, c Conn, u *Upgrade) (*Session, error) {
	session := &Session{server: s, id: id, handshake: keep(r), conn: c, prompt: isPrompt(c), opened: time.Since(s.start)}
	session.beat.Value = session
	query := r.query()
	session.legacy = s.legacyOf(&query, c == nil)
	session.base64 = query.b64.value != ""
	if c != nil {
		// What the user sends at once leaves together with the handshake's answer.
		session.writing = true
		session.enqueue(session.firstFrames(""))
	}
	session.receiving.Lock() // a client that can guess its id waits for its receiver
	if err := s.register(session, u); err != nil {
		session.dropQueue()
		return nil, err
	}
	s.noteOpened(session)
	session.attach(s.connect(session))
	session.receiving.Unlock()
	switch {
	case c == nil:
	case session.prompt:
		session.writePrompt(c.(PromptConn))
	case session.writeQueue(c):
		go session.write(c) // reading must not wait for a queue that keeps filling
	}
	return session, nil
}

// asksBase64 reports whether the client can have binary as text only: it says b64,
// and as in the reference whatever it says.
func asksBase64(r *Request) bool {
	query := r.query()
	return query.b64.value != ""
}

// connect asks the user who is told what happens to the session.
func (s *Server) connect(session *Session) (r Receiver) {
	if f := s.onConnection.Load(); f != nil {
		s.Call("OnConnection", func() { r = (*f)(session) })
	}
	return r
}

// attach gives the session its receiver, which has missed the end of the session
// if that has come already.
func (s *Session) attach(r Receiver) {
	if r == nil {
		s.Close()
		r = Funcs{}
	}
	s.mu.Lock()
	s.receiver = r
	missed, why := s.state == closed, s.ending
	s.mu.Unlock()
	if missed {
		defer s.server.noteClosed(s, why)
		s.server.guard("Receiver.Close", func() { r.Close(why.reason, why.cause) })
	}
}
