package socketio

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/internal/quiet"
)

// An Observer is told what happens, for metrics and the like: see [Config].Observer.
// Each of its functions may be nil, and then costs nothing. They are called where the
// thing happens, possibly several at once, and must not wait: what they do, clients
// wait for. They may call anything but must hold no lock that a caller of this package
// holds. A panic in one is stopped and counted. The server copies the Observer, so
// later changes have no effect.
//
// Events from clients, namespaces of a parent and rooms have names that clients can
// choose. As labels of a metric they could make any number of time series: let through
// those that the program knows, and call all others "other".
type Observer struct {
	// What happens to connections.
	engine.Observer

	// SocketConnected: a client has joined a namespace. [Socket.Recovered] says whether
	// it goes on where it was.
	SocketConnected func(s *Socket)
	// SocketRefused: a client that wanted to join a namespace was told err.
	SocketRefused func(c *engine.Session, namespace string, err *Error)
	// SocketDisconnected: a socket that was connected has ended. Of a client that leaves
	// at once it can be told before SocketConnected.
	SocketDisconnected func(s *Socket, reason Reason)

	// EventReceived: a client's event is about to be handled.
	EventReceived func(e *Event)
	// EventHandled: its middlewares and handlers have returned, after a time. err is
	// what [Namespace.OnError] would be told.
	EventHandled func(e *Event, took time.Duration, err error)
	// EventSent: an event was queued for one socket.
	EventSent func(s *Socket, event string)
	// EventBroadcast: an event was queued for so many sockets of this node.
	EventBroadcast func(n *Namespace, event string, recipients int)
	// AckReceived: a client has acknowledged an event, a time after it was sent.
	AckReceived func(s *Socket, event string, took time.Duration)
	// AckMissed: a client will not acknowledge an event: its time is up
	// ([ErrAckTimeout]), the program does not wait any more (the context's error), or
	// the client has left ([ErrDisconnected]).
	AckMissed func(s *Socket, event string, err error)

	// ClientUnreached: a request or a WebSocket of a client, whose session is at another
	// node, or which is at another node while its session is here, was given up: the
	// other node has gone or does not answer, or a message between the two was lost. The
	// client connects anew. See [Config].ShareSessions.
	ClientUnreached func(node string, err error)

	// RoomCreated and RoomDeleted: a room has got its first socket on this node, or lost
	// its last. The room that every socket has to itself does not count. They are called
	// as the functions of [Namespace.OnCreateRoom] are, and cost as much.
	RoomCreated func(n *Namespace, room string)
	RoomDeleted func(n *Namespace, room string)

	// Backplane: something has become of the link to the other nodes. Of several the
	// calls come one after another, soon.
	Backplane func(e backplane.Event)
}

// What follows is the only place that counts, logs and tells the observer.

func (s *Socket) noteConnected() {
	if f := s.server().observer.SocketConnected; f != nil {
		s.server().guard("Observer.SocketConnected", func() { f(s) })
	}
}

func (c *conn) noteRefused(namespace string, why *Error) {
	c.server.refused.Add(1)
	if f := c.server.observer.SocketRefused; f != nil {
		c.server.guard("Observer.SocketRefused", func() { f(c.session, namespace, why) })
	}
}

func (s *Socket) noteDisconnected(reason Reason) {
	if f := s.server().observer.SocketDisconnected; f != nil {
		s.server().guard("Observer.SocketDisconnected", func() { f(s, reason) })
	}
}

// noteReceived returns when the event began, if somebody wants to know how long it
// takes.
func (e *Event) noteReceived(s *Server) (began time.Time) {
	if f := s.observer.EventReceived; f != nil {
		s.guard("Observer.EventReceived", func() { f(e) })
	}
	if s.observer.EventHandled != nil {
		began = time.Now()
	}
	return began
}

func (e *Event) noteHandled(s *Server, began time.Time, err error) {
	if f := s.observer.EventHandled; f != nil {
		took := time.Since(began)
		s.guard("Observer.EventHandled", func() { f(e, took, err) })
	}
}

func (s *Socket) noteSent(event string) {
	if f := s.server().observer.EventSent; f != nil {
		s.server().guard("Observer.EventSent", func() { f(s, event) })
	}
}

func (n *Namespace) noteBroadcast(event string, recipients int) {
	if f := n.server.observer.EventBroadcast; f != nil {
		n.server.guard("Observer.EventBroadcast", func() { f(n, event, recipients) })
	}
}

// noteAck is told of every ack that was waited for: it came, or err says why not.
func (s *Socket) noteAck(event string, asked time.Time, err error) {
	observer := &s.server().observer
	switch {
	case err != nil:
		if errors.Is(err, ErrAckTimeout) {
			s.server().ackTimeouts.Add(1)
		}
		if observer.AckMissed != nil {
			s.server().guard("Observer.AckMissed", func() { observer.AckMissed(s, event, err) })
		}
	case observer.AckReceived != nil:
		took := time.Since(asked)
		s.server().guard("Observer.AckReceived", func() { observer.AckReceived(s, event, took) })
	}
}

// noteRooms has the observer told of the namespace's rooms. The room of a socket's own
// is made by that socket.
func (n *Namespace) noteRooms() {
	for kind, f := range map[roomEventKind]func(*Namespace, string){
		roomCreated: n.server.observer.RoomCreated, roomDeleted: n.server.observer.RoomDeleted,
	} {
		if f != nil {
			n.onRoom(kind, func(room, id string) {
				if room != id {
					f(n, room)
				}
			})
		}
	}
}

// notePanic is called in what was deferred.
func (s *Server) notePanic(in string, value any) {
	s.panics.Note(s.log, in, value, s.tellPanic())
}

// tellPanic returns the observer's function, whose own panic nobody can be told of.
func (s *Server) tellPanic() func(string, any, []byte) {
	f := s.observer.PanicRecovered
	if f == nil {
		return nil
	}
	return func(in string, value any, stack []byte) {
		defer func() {
			if v := recover(); v != nil {
				s.panics.Note(s.log, "Observer.PanicRecovered", v, nil)
			}
		}()
		f(in, value, stack)
	}
}

// A logLine is a kind of line of the log that clients can make the program write.
type logLine uint8

const (
	lineBadArguments logLine = iota
	lineHandler
	lineConnection
	lineMiddleware
	lineOfFunc
	lineRefusal
	lineAnswer
	lineReplay
	lineTakeover
	lineRoomEvents
	lineOtherNode
	lineServerSide
	lineLink
	lineSocketData
	lineSave
	lineRestore
	lineUnreached
	logLines
)

// say writes a line, but no more often than a log can bear. What a client may have a
// part in is to be a logName or a logError.
func (s *Server) say(ctx context.Context, line logLine, level slog.Level, msg string, args ...any) {
	s.lines[line].Log(ctx, s.log, level, msg, args...)
}

// logID returns the socket's id as it may be logged: that of an older client is made
// of its connection's, which is a secret.
func (s *Socket) logID() string {
	if s.conn != nil && s.conn.legacy {
		return "(of an older client)"
	}
	return s.id
}

// A logName and a logError are a name and an error that clients may have a part in.
type (
	logName  string
	logError struct{ error }
)

// LogValue implements [slog.LogValuer].
func (n logName) LogValue() slog.Value { return slog.StringValue(quiet.Text(string(n))) }

// LogValue implements [slog.LogValuer].
func (e logError) LogValue() slog.Value { return slog.StringValue(quiet.Value(e.error)) }
