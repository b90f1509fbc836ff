package socketio

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/internal/expiry"
	"github.com/kawat-go/kawat/core/internal/quiet"
	"github.com/kawat-go/kawat/core/packet"
)

// A conn is what one client's connection has of Socket.IO: the sockets of its
// namespaces. It is the receiver of an engine session. What it does there must not
// wait for handlers, since acks and disconnects come the same way; only an inbox
// that is full makes it wait.
type conn struct {
	server  *Server
	session *engine.Session
	legacy  bool // the client is of Socket.IO 1 or 2
	decoder packet.Decoder
	issued  int64     // when the connection began, as time.UnixNano has it
	ready   []*Socket // whose workers Flush starts; used by the reader only

	// Few connections have any of these for long, and all have the conn.
	connectTimer    *expiry.Entry[*conn] // nil when the client has joined a namespace; guarded by mu
	attachmentTimer *expiry.Entry[*conn] // nil unless attachments are waited for

	mu      sync.Mutex
	sockets []*Socket                          // connecting or connected, at most one for each namespace
	asking  map[string]context.CancelCauseFunc // of the namespaces that the parents are asked about
	left    map[string]struct{}                // the last namespaces that the server made the client leave
	refused int32
	joined  bool // a namespace, so the connection is there to stay
	closed  bool
}

func newConn(s *Server, session *engine.Session) *conn {
	c := &conn{server: s, session: session, legacy: session.Protocol() == 3, issued: time.Now().UnixNano()}
	limits := s.cfg.PacketLimits
	if c.legacy {
		limits = legacyLimits(limits)
	}
	c.decoder = s.cfg.Codec.NewDecoder(limits)
	c.connectTimer = &expiry.Entry[*conn]{Value: c}
	s.connectTimeouts.Add(c.connectTimer)
	if c.legacy {
		c.joinMain()
	}
	return c
}

// Message implements [engine.Receiver].
func (c *conn) Message(data []byte, binary bool) {
	p, complete, err := c.decode(data, binary)
	if err != nil {
		c.violated(err.Error())
		return
	}
	if !complete {
		return
	}
	if c.attachmentTimer != nil {
		c.stopAttachmentTimer()
	}
	if c.legacy && !c.modernize(&p) {
		c.violated(packet.ErrNamespace.Error())
		return
	}
	if p.Type == packet.Connect {
		c.connect(p)
		return
	}
	s, left := c.socket(p.Namespace)
	switch {
	case left: // the client may not know yet that the server has disconnected it
	case s == nil || s.is(connecting): // one that has just ended ignores what comes
		c.violated("packet for a namespace that the client has not joined")
	case p.Type == packet.Event:
		c.queue(s, p)
	case p.Type == packet.Ack:
		s.acknowledged(p)
	case p.Type == packet.Disconnect:
		c.forget(s, false)
		s.end(ReasonClientDisconnect)
	default:
		c.violated("packet of a type that clients do not send")
	}
}

// queue leaves an event to the socket's handlers. If it has to wait for room there,
// it first lets the other sockets have what has come for them.
func (c *conn) queue(s *Socket, p packet.Incoming) {
	start, added := s.inbox.add(s, p, false)
	if !added {
		if work := c.Flush(); work != nil {
			go work.Do()
		}
		start, _ = s.inbox.add(s, p, true)
	}
	if start && !slices.Contains(c.ready, s) {
		c.ready = append(c.ready, s)
	}
}

// decode hands a message to the decoder. After a panic there, nobody knows what
// the decoder has of it, so that is an error like those of the client.
func (c *conn) decode(data []byte, binary bool) (p packet.Incoming, complete bool, err error) {
	returned := false
	defer c.exited(&returned)
	err = errPanic
	c.server.guard("Config.Codec", func() { p, complete, err = c.decoder.Add(data, binary) })
	returned = true
	return p, complete, err
}

// exited, when deferred, ends the connection if the decoder has ended the goroutine.
func (c *conn) exited(returned *bool) {
	if !*returned {
		c.violated(errPanic.Error())
	}
}

// waits reports whether attachments are still to come.
func (c *conn) waits() (pending bool) {
	returned := false
	defer c.exited(&returned)
	c.server.guard("Config.Codec", func() { pending = c.decoder.Pending() })
	returned = true
	return pending
}

// Flush implements [engine.Receiver]: the handlers are given all the events that
// arrived together. The last socket's are for who has read them, which saves most
// clients a goroutine.
func (c *conn) Flush() engine.Work {
	if c.attachmentTimer == nil && c.waits() {
		c.startAttachmentTimer()
	}
	var last *Socket
	for i, s := range c.ready {
		if s.inbox.start() {
			if last != nil {
				last.employ()
			}
			last = s
		}
		c.ready[i] = nil
	}
	c.ready = c.ready[:0]
	if last == nil {
		return nil
	}
	last.server().workers.add()
	return (*worker)(last)
}

// Finish implements [engine.Finisher]: the events that have come are handled, and
// answered, while the client is there. Then another node can go on.
func (c *conn) Finish(ctx context.Context) {
	c.mu.Lock()
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		s.inbox.awaitRest(ctx)
	}
	c.server.handOver(context.WithoutCancel(ctx), sockets, ReasonDrained)
}

// Close implements [engine.Receiver].
func (c *conn) Close(reason engine.Reason, _ error) {
	for _, s := range c.takeSockets() {
		s.end(reason)
	}
}

// takeSockets marks the connection closed and returns the sockets that it had.
func (c *conn) takeSockets() []*Socket {
	defer c.stopAsking()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopConnectTimer()
	if c.attachmentTimer != nil {
		c.server.attachmentTimeouts.Remove(c.attachmentTimer)
	}
	c.closed = true
	sockets := c.sockets
	c.sockets = nil
	return sockets
}

// violated ends the connection of a client that broke the protocol, as the
// reference does.
func (c *conn) violated(why string) {
	c.server.log.Debug("client broke the protocol and is disconnected",
		"why", quiet.Text(why), "remote", c.session.RemoteAddr())
	c.close(ReasonForcedClose)
}

// close ends the sockets, then the connection.
func (c *conn) close(reason Reason) {
	for _, s := range c.takeSockets() {
		s.end(reason)
	}
	c.session.Close()
}

// connectTimedOut can come just after the client has joined a namespace. Whoever has
// not come back until now is not waited for any longer.
func (c *conn) connectTimedOut() {
	c.mu.Lock()
	joined := c.joined
	c.mu.Unlock()
	if !joined {
		for _, s := range c.takeSockets() { // whose middleware still runs
			s.end(ReasonForcedServerClose)
		}
		c.session.CloseNow()
	}
}

// attachmentsTimedOut can come just after the last attachment has.
func (c *conn) attachmentsTimedOut() {
	c.mu.Lock()
	waits := c.attachmentTimer != nil
	c.mu.Unlock()
	if waits {
		c.violated("the attachments of a packet did not come in time")
	}
}

// startAttachmentTimer bounds how long the attachments of a packet may take. Those
// that have come together with it, as they nearly always do, need no timer.
func (c *conn) startAttachmentTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.attachmentTimer = &expiry.Entry[*conn]{Value: c}
	c.server.attachmentTimeouts.Add(c.attachmentTimer)
}

func (c *conn) stopAttachmentTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server.attachmentTimeouts.Remove(c.attachmentTimer)
	c.attachmentTimer = nil
}

// socket returns the socket of a namespace, if there is one, or reports that the
// server has made the client leave it.
func (c *conn) socket(namespace string) (s *Socket, left bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.find(namespace); s != nil {
		return s, false
	}
	_, left = c.left[namespace]
	return nil, left
}

// find is called with c.mu held.
func (c *conn) find(namespace string) *Socket {
	for _, s := range c.sockets {
		if s.namespace.name == namespace {
			return s
		}
	}
	return nil
}

// forget takes a socket that is about to end off the connection. byServer says
// that the client may not know of it yet.
func (c *conn) forget(s *Socket, byServer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.sockets, s)
	if i < 0 {
		return
	}
	c.sockets = slices.Delete(c.sockets, i, i+1)
	if byServer {
		c.noteLeft(s.namespace.name)
	}
}

// noteLeft notes that the server has made the client leave a namespace. Of very many
// it forgets some, for clients can have namespaces made, and be made to leave them,
// without end; what was on its way for one of those then breaks the protocol. It is
// called with c.mu held.
func (c *conn) noteLeft(namespace string) {
	if c.left == nil {
		c.left = make(map[string]struct{})
	}
	for name := range c.left {
		if len(c.left) < c.server.cfg.MaxNamespaces {
			break
		}
		delete(c.left, name)
	}
	c.left[namespace] = struct{}{}
}

// hasJoined notes that the client has joined a namespace in time.
func (c *conn) hasJoined() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joined = true
	c.stopConnectTimer()
}

// stopConnectTimer is called with c.mu held.
func (c *conn) stopConnectTimer() {
	if c.connectTimer != nil {
		c.server.connectTimeouts.Remove(c.connectTimer)
		c.connectTimer = nil
	}
}

// disconnectAll makes the client leave all its namespaces and closes the
// connection, once what was emitted has been delivered.
func (c *conn) disconnectAll(asked *Socket) error {
	if asked.gone() {
		return ErrDisconnected
	}
	c.mu.Lock()
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		_ = s.leave() // who has left meanwhile is where it should be
	}
	c.close(ReasonServerDisconnect)
	return nil
}
