package socketio

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// dynamics are what a server knows of namespaces that clients can have made.
type dynamics struct {
	setup   sync.Mutex // guards the registration of the next two
	parents atomic.Pointer[[]*ParentNamespace]
	onNew   atomic.Pointer[[]func(*Namespace)]

	// The rest is guarded by Server.mu.
	children int       // that are not pinned
	idle     list.List // of children that were empty when they were put here, oldest first
	deserted list.List // of those with clients that are away and may recover, and no others
	full     bool      // has been logged
}

// A child is what a namespace has besides if a parent accepted its name.
type child struct {
	parent *ParentNamespace
	// users counts those that need the namespace to stay: its sockets, from the
	// moment on when they ask to join, and clients that are away. It is raised under
	// Server.mu, of which a reader's lock will do, or by who is counted already, so it
	// stays 0, or no more than away, for who holds the writer's.
	users  atomic.Int64
	away   atomic.Int64  // how many of the users are clients that are away
	pinned bool          // by Of: it stays for good; guarded by Server.mu
	shelf  *list.List    // of dynamics, where the child is, or nil; guarded by Server.mu
	place  *list.Element // on that
}

// OnNewNamespace adds a function that is called for each new namespace, whether Of
// makes it or a client's wish for a child of a parent: in the latter case in a
// goroutine of its own. No client joins the namespace before the function has
// returned, so it can set it up. If it panics nobody can join: clients are told
// "internal error". It is not called for "/", nor for what exists already.
func (s *Server) OnNewNamespace(f func(n *Namespace)) {
	s.dynamic.setup.Lock()
	defer s.dynamic.setup.Unlock()
	appendTo(&s.dynamic.onNew, f)
}

// An announcement is the calls of the OnNewNamespace functions for a namespace.
type announcement struct {
	calls []func(*Namespace)
	left  int           // calls that have not returned
	done  chan struct{} // closed when there will be no more
}

// register makes a namespace known, which p has accepted if it is not nil. The
// caller holds s.mu, and announces the namespace after that.
func (s *Server) register(name string, p *ParentNamespace) *Namespace {
	n := newNamespace(s, name)
	if calls := load(&s.dynamic.onNew); len(calls) > 0 {
		n.announced = &announcement{calls: calls, left: len(calls), done: make(chan struct{})}
	}
	if p != nil {
		n.child = &child{parent: p}
		n.inherits = &p.handlers
		p.children[name] = n
	}
	s.namespaces[name] = n
	s.cluster.opened(n)
	return n
}

// announce calls the OnNewNamespace functions. The calls are deferred for the
// reason that runEndings has.
func (s *Server) announce(n *Namespace) {
	a := n.announced
	if a == nil {
		return
	}
	defer close(a.done)
	for _, f := range slices.Backward(a.calls) {
		defer s.guard("OnNewNamespace", func() { f(n); a.left-- })
	}
}

// awaitSetup waits until the namespace has been announced, which for nearly all
// means not at all. Only one that came to its end lets anybody join.
func (n *Namespace) awaitSetup(s *Socket) error {
	if n.announced == nil {
		return nil
	}
	ctx := s.Context()
	select {
	case <-n.announced.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if n.unfit() {
		return errPanic
	}
	return nil
}

// unfit reports whether the setting up of the namespace has failed.
func (n *Namespace) unfit() bool {
	if n.announced == nil {
		return false
	}
	select {
	case <-n.announced.done:
		return n.announced.left > 0
	default:
		return false
	}
}

// enter returns the namespace of that name, or nil. A child stays at least until
// release is called.
func (s *Server) enter(name string) *Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.namespaces[name]
	if n != nil {
		n.hold()
	}
	return n
}

// hold lets a child stay until release is called. Somebody else must be holding
// it, or the server's mu.
func (n *Namespace) hold() {
	if n.child != nil {
		n.child.users.Add(1)
	}
}

// release takes back what enter did. Of an ordinary namespace it is nothing.
func (n *Namespace) release() {
	if n.child != nil && n.child.users.Add(-1) == n.child.away.Load() {
		n.server.emptied(n)
	}
}

// holdForAway and releaseForAway are the like for a client that is away.
func (n *Namespace) holdForAway() {
	if n.child != nil {
		n.hold()
		n.child.away.Add(1)
	}
}

func (n *Namespace) releaseForAway() {
	if n.child != nil {
		n.child.away.Add(-1)
		go n.release() // which takes a lock that comes before the namespace's
	}
}

// use returns how many need the child. What away says is read after users: then it
// cannot make up for one who is there.
func (c *child) use() (users, away int64) {
	users = c.users.Load()
	return users, c.away.Load()
}

// emptied forgets a child that nobody needs, or remembers that it could be
// forgotten.
func (s *Server) emptied(n *Namespace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	users, away := n.child.use()
	switch {
	case s.namespaces[n.name] != n || n.child.pinned || users > away:
		// It is gone already, is to stay, or is in use again.
	case users > 0:
		s.shelve(n, &s.dynamic.deserted)
	case s.cfg.CleanupEmptyChildNamespaces || n.unfit():
		s.forgetChild(n)
	default:
		s.shelve(n, &s.dynamic.idle)
	}
}

// shelve puts a child behind those that can be forgotten. It is called with s.mu
// held.
func (s *Server) shelve(n *Namespace, shelf *list.List) {
	if n.child.shelf != shelf {
		s.notIdle(n)
		n.child.shelf, n.child.place = shelf, shelf.PushBack(n)
	}
}

// forgetChild is called with s.mu held.
func (s *Server) forgetChild(n *Namespace) {
	delete(s.namespaces, n.name)
	s.cluster.shut(n.name)
	delete(n.child.parent.children, n.name)
	s.dynamic.children--
	s.notIdle(n)
	n.retire()
}

// notIdle is called with s.mu held.
func (s *Server) notIdle(n *Namespace) {
	if n.child.shelf != nil {
		n.child.shelf.Remove(n.child.place)
		n.child.shelf, n.child.place = nil, nil
	}
}

// pin keeps a child for good. The caller holds s.mu.
func (s *Server) pin(n *Namespace) {
	if n.child == nil || n.child.pinned {
		return
	}
	n.child.pinned = true
	s.notIdle(n)
	s.dynamic.children--
}

// reclaim makes room for a child by forgetting an empty one or, where there is none,
// one whose clients are all away. The caller holds s.mu.
func (s *Server) reclaim() bool {
	for _, shelf := range []*list.List{&s.dynamic.idle, &s.dynamic.deserted} {
		for oldest := shelf.Front(); oldest != nil; oldest = shelf.Front() {
			n := oldest.Value.(*Namespace)
			users, away := n.child.use()
			if users == 0 || users == away && shelf == &s.dynamic.deserted {
				s.forgetChild(n)
				return true
			}
			s.notIdle(n) // until it is empty again
		}
	}
	return false
}

var (
	errInvalidNamespace  = &Error{Message: "Invalid namespace"}
	errTooManyNamespaces = &Error{Message: "Too many namespaces"}
)

// seek returns, for a client that wants it, the namespace that had not been there
// just before, as enter does. The error is for the client.
func (s *Server) seek(ctx context.Context, name string, h func() *Handshake) (*Namespace, error) {
	for _, p := range load(&s.dynamic.parents) {
		accepted, err := p.accepts(ctx, name, h)
		if err != nil {
			return nil, err
		}
		if accepted {
			return s.makeChild(p, name)
		}
	}
	return nil, errInvalidNamespace
}

// makeChild returns a new child, or the namespace that somebody else has made
// meanwhile.
func (s *Server) makeChild(p *ParentNamespace, name string) (*Namespace, error) {
	s.mu.Lock()
	n := s.namespaces[name]
	if n == nil {
		full := s.dynamic.children >= s.cfg.MaxChildNamespaces
		if full && !s.reclaim() {
			logged := s.dynamic.full
			s.dynamic.full = true
			s.mu.Unlock()
			if !logged {
				s.log.Error("there are too many namespaces, and none is empty; clients that ask for new ones are refused. "+
					"Raise Config.MaxChildNamespaces, or accept fewer names", "limit", s.cfg.MaxChildNamespaces)
			}
			return nil, errTooManyNamespaces
		}
		n = s.register(name, p)
		s.dynamic.children++
		if n.announced != nil {
			s.workers.add()
			go func() {
				defer s.workers.done()
				s.announce(n)
			}()
		}
	}
	if n.child != nil {
		n.child.users.Add(1)
	}
	s.mu.Unlock()
	return n, nil
}
