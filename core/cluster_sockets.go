package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// FetchSockets returns the sockets that are aimed at, on all nodes. It waits for the
// other nodes: until ctx ends or, if that has no deadline, for the time that Timeout
// has set, or Config.BackplaneTimeout. If not all have answered, it returns what it
// knows with a *[NodesError].
func (b Broadcast) FetchSockets(ctx context.Context) ([]*RemoteSocket, error) {
	targets := b.targets()
	sockets := make([]*RemoteSocket, 0, len(targets))
	for _, s := range targets {
		sockets = append(sockets, newRemoteSocket(s))
	}
	c := b.beyond()
	if c == nil {
		return sockets, nil
	}
	ctx, cancel := c.bounded(ctx, b.timeout)
	defer cancel()
	n := b.namespace
	p := newPoll(func(m backplane.Message) {
		for _, s := range m.Sockets {
			sockets = append(sockets, n.farSocket(s))
		}
	})
	m := backplane.Message{Kind: backplane.FetchSockets, Namespace: n.name, Options: b.options()}
	err := c.ask(ctx, m, p, p.all)
	return sockets, p.nodesError(err)
}

// A NodesError says that not all other nodes have answered a question.
type NodesError struct {
	Expected, Answered int
	Err                error // why the wait ended
}

func (e *NodesError) Error() string {
	return fmt.Sprintf("socketio: %d of %d other nodes answered: %v", e.Answered, e.Expected, e.Err)
}

func (e *NodesError) Unwrap() error { return e.Err }

// nodesError ends the poll, and makes a NodesError of an error.
func (p *poll) nodesError(err error) error {
	expected := p.close()
	if err == nil {
		return nil
	}
	return &NodesError{Expected: expected, Answered: expected - p.open(), Err: err}
}

// fetched answers a node that asks for sockets. The program says how their data is
// encoded, so it has a goroutine of its own.
func (c *cluster) fetched(m backplane.Message) {
	c.workers.add()
	go func() {
		defer c.workers.done()
		answer := backplane.Message{Kind: backplane.FetchSocketsResponse, Sockets: []backplane.Socket{}}
		defer func() { _ = c.reply(m, answer) }() // who has left needs no answer
		c.server.guard("SetData", func() {
			n := c.server.namespace(m.Namespace)
			if n == nil {
				return
			}
			for _, s := range n.aimed(m.Options).targets() {
				answer.Sockets = append(answer.Sockets, s.describe())
			}
		})
	}()
}

// describe makes the record of a socket for other nodes.
func (s *Socket) describe() backplane.Socket {
	h := s.Handshake()
	d := backplane.Socket{ID: s.id, Rooms: s.Rooms(), Handshake: backplane.Handshake{
		Headers: make(map[string]string, len(h.Headers)), Query: make(map[string]string, len(h.Query)),
		Issued: h.Issued.UnixMilli(), Time: h.Issued.UTC().Format("Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)"),
		Address: h.Address, URL: h.URL, XDomain: h.XDomain, Secure: h.Secure,
		Auth: backplane.Data{JSON: []byte("{}")},
	}, Data: backplane.Data{JSON: []byte("{}")}}
	for key, values := range h.Headers {
		separator := ", "
		if key == "Cookie" {
			separator = "; "
		}
		d.Handshake.Headers[strings.ToLower(key)] = strings.Join(values, separator)
	}
	for key, values := range h.Query {
		d.Handshake.Query[key] = strings.Join(values, ",")
	}
	if h.auth.Len() > 0 {
		if auth, err := s.server().packArg(h.auth); err == nil {
			d.Handshake.Auth = auth
		}
	}
	if v := s.Data(); v != nil {
		data, err := s.server().packValue(v)
		if err != nil {
			s.server().say(s.Context(), lineSocketData, slog.LevelWarn, "the data of a socket cannot be encoded for other nodes",
				"namespace", logName(s.namespace.name), "socket", s.logID(), "error", logError{err})
		} else {
			d.Data = data
		}
	}
	return d
}

// farSocket makes of what another node says of a socket what FetchSockets returns.
func (n *Namespace) farSocket(s backplane.Socket) *RemoteSocket {
	h := &Handshake{
		Headers: make(engine.Header, len(s.Handshake.Headers)), Query: make(url.Values, len(s.Handshake.Query)),
		Address: s.Handshake.Address, URL: s.Handshake.URL, XDomain: s.Handshake.XDomain, Secure: s.Handshake.Secure,
		Issued: time.UnixMilli(s.Handshake.Issued),
	}
	for key, value := range s.Handshake.Headers {
		h.Headers[textproto.CanonicalMIMEHeaderKey(key)] = []string{value}
	}
	for key, value := range s.Handshake.Query {
		h.Query[key] = []string{value}
	}
	r := &RemoteSocket{namespace: n, id: s.ID, handshake: h, rooms: s.Rooms}
	if p, err := n.server.unpack(packet.Ack, s.Handshake.Auth); err == nil && string(p.Args.Raw(0)) != "{}" {
		h.auth = p.Args
	}
	if p, err := n.server.unpack(packet.Ack, s.Data); err == nil && string(p.Args.Raw(0)) != "{}" {
		r.far = p.Args
	}
	return r
}

// SocketsJoin makes the sockets that are aimed at join rooms, on all nodes. The error is
// [ErrTooManyRooms] if one of this node was in too many already; the others have joined.
// It does not wait for other nodes; what the backplane cannot take is an error, too.
func (b Broadcast) SocketsJoin(rooms ...string) error {
	failed := b.change(backplane.Message{Kind: backplane.SocketsJoin, Rooms: rooms})
	if err := b.joinHere(rooms, b.namespace.tellRooms); err != nil {
		return err
	}
	return failed
}

// change tells the other nodes, if it is for them, to do something with their sockets.
func (b Broadcast) change(m backplane.Message) error {
	c := b.beyond()
	if c == nil {
		return nil
	}
	m.Namespace, m.Options = b.namespace.name, b.options()
	m.Rooms = slices.Clone(m.Rooms)
	return c.publish(m)
}

// joinHere lets the sockets of this node join rooms. tell has the program told of what
// each did.
func (b Broadcast) joinHere(rooms []string, tell func()) (err error) {
	for _, s := range b.targets() {
		if failed := s.join(rooms); failed == ErrTooManyRooms { // who has left meanwhile has no rooms
			err = failed
		}
		tell()
	}
	b.eachAway(func(s *Socket) {
		for _, name := range rooms {
			if failed := b.namespace.join(s, name); failed != nil {
				err = failed
			}
		}
	})
	return err
}

// SocketsLeave makes the sockets that are aimed at leave rooms, on all nodes.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	failed := b.change(backplane.Message{Kind: backplane.SocketsLeave, Rooms: rooms})
	b.leaveHere(rooms, b.namespace.tellRooms)
	return failed
}

func (b Broadcast) leaveHere(rooms []string, tell func()) {
	for _, s := range b.targets() {
		_ = s.leaveRooms(rooms)
		tell()
	}
	b.eachAway(func(s *Socket) {
		for _, name := range rooms {
			b.namespace.leave(s, name)
		}
	})
}

// DisconnectSockets disconnects the sockets that are aimed at, on all nodes, and closes
// their connections if close is true.
func (b Broadcast) DisconnectSockets(close bool) error {
	failed := b.change(backplane.Message{Kind: backplane.DisconnectSockets, Close: close})
	b.disconnectHere(close)
	return failed
}

func (b Broadcast) disconnectHere(close bool) {
	for _, s := range b.targets() {
		_ = s.Disconnect(close)
	}
	b.eachAway(func(s *Socket) { b.namespace.history.forget(s.session) })
}

// changeSockets does with sockets of this node what another node wants.
func (c *cluster) changeSockets(m backplane.Message) {
	n := c.server.namespace(m.Namespace)
	if n == nil {
		return
	}
	// The functions that hear of rooms may wait for other nodes, so nobody waits for them.
	switch b := n.aimed(m.Options); m.Kind {
	case backplane.SocketsJoin:
		_ = b.joinHere(m.Rooms, n.tellRoomsSoon) // that a socket is in too many rooms cannot be told
	case backplane.SocketsLeave:
		b.leaveHere(m.Rooms, n.tellRoomsSoon)
	case backplane.DisconnectSockets:
		b.disconnectHere(m.Close)
	}
}
