package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/internal/expiry"
)

// A Server serves Socket.IO clients. Adapters mount it in an HTTP server. It
// embeds its main namespace "/", so what a [Namespace] can do the server can. All
// methods may be called from any goroutine, those of handlers included.
type Server struct {
	*Namespace
	cfg    Config
	engine *engine.Server
	log    *slog.Logger

	observer Observer // its functions may be nil

	mu         sync.RWMutex
	namespaces map[string]*Namespace
	dynamic    dynamics
	cluster    *cluster // nil without a backplane

	connectTimeouts    *expiry.Queue[*conn]
	attachmentTimeouts *expiry.Queue[*conn]
	logTimes           *expiry.Queue[*segment] // of the parts of the namespaces' logs
	lapses             *expiry.Queue[*session]
	workers            tally
	counters
}

// New makes a server. It fails if the configuration makes no sense, and then its
// error names the field.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	e, err := engine.New(cfg.engine())
	if err != nil {
		return nil, err
	}
	if cfg.ClientFiles != nil {
		files, err := readClientFiles(cfg.ClientFiles)
		if err != nil {
			return nil, err
		}
		e.ServeFiles(files.serve)
	}
	s := &Server{cfg: cfg, engine: e, log: e.Logger(), namespaces: make(map[string]*Namespace)}
	if cfg.Observer != nil {
		s.observer = *cfg.Observer
	}
	// The closing of one connection must not hold up the queue.
	s.connectTimeouts = expiry.New(cfg.ConnectTimeout, func(c *conn) { go c.connectTimedOut() })
	s.attachmentTimeouts = expiry.New(cfg.AttachmentTimeout, func(c *conn) { go c.attachmentsTimedOut() })
	if cfg.ConnectionStateRecovery != nil {
		s.startRecovery()
	}
	s.Namespace = s.Of("/")
	if err := s.Namespace.probeRecovery(); err != nil {
		return nil, err
	}
	e.OnConnection(func(session *engine.Session) engine.Receiver { return newConn(s, session) })
	if err := s.joinCluster(); err != nil {
		return nil, err
	}
	return s, nil
}

// Engine returns the Engine.IO server below. It makes the server an
// [engine.Endpoint], which is what adapters mount.
func (s *Server) Engine() *engine.Server { return s.engine }

// Of returns the namespace of that name, after making it if it is new; clients can
// join only namespaces that exist. A missing slash in front is added. It panics if
// the name has a comma, which no client could name.
//
// A name that matches a pattern of [Server.OfRegexp] is a child of that parent. A
// child that Of has returned stays for good, like all that Of returns: where that
// is not wanted, take it from [Socket.Namespace] or [ParentNamespace.Children].
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if strings.Contains(name, ",") {
		panic(fmt.Sprintf("socketio: the namespace name %q has a comma, which the protocol uses to end a name: choose another name", name))
	}
	if n := s.kept(name); n != nil {
		return n
	}
	parent := s.matching(name)
	s.mu.Lock()
	n := s.namespaces[name]
	isNew := n == nil
	if isNew {
		n = s.register(name, parent)
		if n.child != nil {
			s.dynamic.children++ // until it is pinned
		}
	}
	s.pin(n)
	s.mu.Unlock()
	if isNew {
		s.announce(n)
	}
	return n
}

// matching returns the first parent whose pattern matches a name, or nil.
func (s *Server) matching(name string) *ParentNamespace {
	for _, p := range load(&s.dynamic.parents) {
		if p.re != nil && p.re.MatchString(name) {
			return p
		}
	}
	return nil
}

// kept returns the namespace of that name if it will stay, or nil.
func (s *Server) kept(name string) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if n := s.namespaces[name]; n != nil && (n.child == nil || n.child.pinned) {
		return n
	}
	return nil
}

// namespace returns the namespace of that name, or nil.
func (s *Server) namespace(name string) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[name]
}

// Drain moves the clients away before the server shuts down, where other servers
// take over: a rolling deploy then makes no storm of reconnects. It refuses new
// clients, with status 503 and a Retry-After, and closes the connections that are
// there one after the other, in random order, spread evenly over the given time and
// with jitter. Whose handlers run, or have events to handle, may finish them first,
// for up to a second; what was emitted to a client is delivered before it goes. Its
// sockets end with [ReasonDrained], and stock clients connect anew by themselves.
//
// Drain returns when all are gone: when the time is over, or somewhat later for
// clients that do not answer. If ctx ends first, it returns an error that says how many
// are left; those whose turn has not come go on. In any case [Server.Shutdown] comes
// next, and ends the rest; one that is called meanwhile does so at once. Of several
// calls of Drain the first sets the pace, the others wait with it.
func (s *Server) Drain(ctx context.Context, over time.Duration) error {
	return s.engine.Drain(ctx, over)
}

// handlerGrace is how long Shutdown lets running handlers go on, with their
// clients still there, before it disconnects them.
const handlerGrace = time.Second

// Shutdown refuses new clients, lets handlers that run finish for up to a second,
// delivers what was emitted, disconnects everyone with [ReasonServerShutdown], and
// waits for the handlers that hear of it. If ctx ends first it drops what is left
// and returns an error that says what that was. Where other servers take over, call
// [Server.Drain] first. Call both before the shutdown of the
// HTTP server, which would wait for polls and not know of WebSockets. A handler
// that calls it, and so waits for itself, does so in a goroutine.
func (s *Server) Shutdown(ctx context.Context) error {
	s.engine.Refuse()
	grace, cancel := context.WithTimeout(ctx, handlerGrace)
	_ = s.workers.wait(grace)
	cancel()
	if s.cluster != nil {
		s.handOver(ctx, s.allSockets(), ReasonServerShutdown)
	}
	err := s.engine.Shutdown(ctx)
	if err == nil {
		if err = s.workers.wait(ctx); err != nil {
			err = fmt.Errorf("socketio: handlers of %d sockets still run: %w", s.workers.count(), err)
		}
	}
	if s.cluster != nil {
		s.awaitDepartures(ctx)
	}
	if left := s.leaveCluster(ctx); err == nil {
		err = left // after the handlers, which may have something to say to other nodes
	}
	s.retireAll()
	return err
}

// Close disconnects everyone at once. Prefer [Server.Shutdown], which lets clients
// be told.
func (s *Server) Close() error {
	err := s.engine.Close()
	if s.cluster != nil {
		s.awaitDepartures(context.Background())
		s.cluster.leave()
	}
	s.retireAll()
	return err
}

// retireAll leaves nothing that a timer would keep in memory.
func (s *Server) retireAll() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, n := range s.namespaces {
		n.retire()
	}
}

// guard calls a function of the user's. A panic there is logged and counted, and
// so is the end of the goroutine by runtime.Goexit, which nobody can stop: the
// caller's deferred functions run, and nothing else.
func (s *Server) guard(what string, f func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			s.notePanic(what, v)
		} else if !returned {
			s.notePanic(what, "runtime.Goexit was called")
		}
	}()
	f()
	returned = true
}

// recoveredAs is recovered for what returns an error, which then is errPanic.
func (s *Server) recoveredAs(what string, err *error) {
	if v := recover(); v != nil {
		s.notePanic(what, v)
		*err = errPanic
	}
}

// recovered, when deferred, stops a panic of what is not guarded, such as a codec
// or a log handler.
func (s *Server) recovered(what string) {
	if v := recover(); v != nil {
		s.notePanic(what, v)
	}
}
