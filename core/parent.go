package socketio

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/packet"
)

// A ParentNamespace stands for namespaces that are made when the first client asks
// for them, its children: those whose names a pattern matches or a function
// accepts. What is registered on it holds for all its children, those of the
// future included: its middleware, handlers and functions come before those that a
// child has of its own. What is emitted on it reaches the sockets of all children.
// All methods may be called from any goroutine. See [Server.OfRegexp],
// [Server.OfFunc].
type ParentNamespace struct {
	handlers
	server *Server
	match  func(ctx context.Context, name string, h *Handshake) (bool, error)
	re     *regexp.Regexp // nil where a function matches

	setup        sync.Mutex // guards the registration of the next two
	middleware   atomic.Pointer[[]Middleware]
	onConnection atomic.Pointer[[]func(context.Context, *Socket) error]

	children map[string]*Namespace // guarded by server.mu
}

// OfRegexp returns a new parent of the namespaces whose names match a pattern.
// The pattern may match anywhere in a name, as in Node: anchor it, as in
// ^/room-[0-9]+$, or clients can choose names around it. A name begins with a
// slash and is at most Config.PacketLimits.NamespaceLength bytes long.
//
// A pattern is asked only for names that no namespace has yet; of several the
// first one wins that was registered, functions of [Server.OfFunc] included.
// [Server.Of] asks patterns, too. How many children there can be is bounded by
// Config.MaxChildNamespaces, and whether they go with their last socket is up to
// Config.CleanupEmptyChildNamespaces.
func (s *Server) OfRegexp(re *regexp.Regexp) *ParentNamespace {
	return s.addParent(&ParentNamespace{re: re})
}

// OfFunc returns a new parent of the namespaces that a function accepts: see
// [Server.OfRegexp]. It is asked with the handshake, and so the auth payload, of
// the client that wants the namespace. It has a goroutine of its own and may take
// its time; its context is cancelled when the client leaves. False means that it
// is not concerned: the next parent is asked, and if there is none, the client is
// told "Invalid namespace". An error refuses: an *[Error] reaches the client as it
// is, any other as "internal error".
//
// It decides whether there is such a namespace, not who may join it: once the
// namespace exists, others join without being asked. For that there is Use.
func (s *Server) OfFunc(match func(ctx context.Context, name string, h *Handshake) (bool, error)) *ParentNamespace {
	return s.addParent(&ParentNamespace{match: match})
}

func (s *Server) addParent(p *ParentNamespace) *ParentNamespace {
	p.server = s
	p.children = make(map[string]*Namespace)
	s.dynamic.setup.Lock()
	defer s.dynamic.setup.Unlock()
	appendTo(&s.dynamic.parents, p)
	return p
}

// Use adds a middleware: see [Namespace.Use].
func (p *ParentNamespace) Use(m Middleware) {
	p.setup.Lock()
	defer p.setup.Unlock()
	appendTo(&p.middleware, m)
}

// OnConnection adds a function that is called for each new socket of a child: see
// [Namespace.OnConnection].
func (p *ParentNamespace) OnConnection(f func(ctx context.Context, s *Socket) error) {
	p.setup.Lock()
	defer p.setup.Unlock()
	appendTo(&p.onConnection, f)
}

// Children returns the namespaces that there are at this moment, by their names.
func (p *ParentNamespace) Children() []*Namespace {
	children := p.snapshot()
	slices.SortFunc(children, func(a, b *Namespace) int { return strings.Compare(a.name, b.name) })
	return children
}

func (p *ParentNamespace) snapshot() []*Namespace {
	p.server.mu.RLock()
	defer p.server.mu.RUnlock()
	children := make([]*Namespace, 0, len(p.children))
	for _, n := range p.children {
		children = append(children, n)
	}
	return children
}

// Emit sends an event to every socket of every child. It fails as
// [Namespace.Emit] does.
func (p *ParentNamespace) Emit(event string, args ...any) error {
	return p.broadcast().Emit(event, args...)
}

// EmitWithAckAll is the untyped form of the function [EmitWithAckAll].
func (p *ParentNamespace) EmitWithAckAll(ctx context.Context, event string, args ...any) ([]Reply, error) {
	return p.broadcast().EmitWithAckAll(ctx, event, args...)
}

func (p *ParentNamespace) broadcast() ParentBroadcast { return ParentBroadcast{parent: p} }

// To aims at the sockets in any of the rooms, which every child has of its own.
func (p *ParentNamespace) To(rooms ...string) ParentBroadcast { return p.broadcast().To(rooms...) }

// In is another name of To.
func (p *ParentNamespace) In(rooms ...string) ParentBroadcast { return p.broadcast().To(rooms...) }

// Except leaves out the sockets in any of the rooms.
func (p *ParentNamespace) Except(rooms ...string) ParentBroadcast {
	return p.broadcast().Except(rooms...)
}

// Volatile drops the event for clients that could not get it at once.
func (p *ParentNamespace) Volatile() ParentBroadcast { return p.broadcast().Volatile() }

// Local leaves out the sockets of other nodes.
func (p *ParentNamespace) Local() ParentBroadcast { return p.broadcast().Local() }

// Compress says whether the event is worth compressing where the connection can.
// It is by default.
func (p *ParentNamespace) Compress(compress bool) ParentBroadcast {
	return p.broadcast().Compress(compress)
}

// Timeout bounds how long EmitWithAckAll waits.
func (p *ParentNamespace) Timeout(d time.Duration) ParentBroadcast { return p.broadcast().Timeout(d) }

// accepts asks the pattern or the function about a name that a client wants.
func (p *ParentNamespace) accepts(ctx context.Context, name string, h func() *Handshake) (bool, error) {
	if p.re != nil {
		return p.re.MatchString(name), nil
	}
	accepted, err := false, errPanic
	p.server.guard("OfFunc", func() {
		var failed error
		accepted, failed = p.match(ctx, name, h())
		err = vetted(failed)
	})
	if err != nil && err != error(disclosed(err)) && err != errPanic && context.Cause(ctx) == nil {
		p.server.say(ctx, lineOfFunc, slog.LevelWarn, "OfFunc failed; the client is told \"internal error\"",
			"namespace", logName(name), "error", logError{err})
	}
	return accepted && err == nil, err
}

// probe returns an error if an event cannot be sent, whoever it is for.
func (p *ParentNamespace) probe(event string, args []any) error {
	if packet.Reserved(event) {
		return CheckEvent(event)
	}
	_, err := p.server.encode(packet.Outgoing{
		Type: packet.Event, Namespace: "/", ID: packet.NoID, Event: event, Args: args,
	}, true)
	return err
}
