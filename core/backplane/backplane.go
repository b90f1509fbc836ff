// Package backplane is what the nodes of a cluster say to each other, and how: the
// seam between a Socket.IO server and what links it with others. Node calls such a
// thing an adapter.
//
// [Memory] links servers of one process. Package backplanetest has the tests that
// an implementation over a network has to pass.
package backplane

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"
)

// A Backplane links nodes, which are servers. Its method may be called from any
// goroutine.
type Backplane interface {
	// Join makes a node. It fails if what links the nodes cannot be reached, or will
	// not have it; the error says what to do.
	Join(ctx context.Context, host Host) (Node, error)
}

// A Host is what a server gives its node. The functions are all set. They must not
// wait for anything that another message could bring, they do not panic, and they
// may call the methods of the node. None is called once Close has returned, but for
// calls that are under way.
type Host struct {
	// Receive takes the messages of others in the namespaces that are open, also
	// before Join has returned. Those of one sender in one namespace come one after
	// another, in the order in which they were sent; those of different senders may
	// come at the same time, unless they have an Offset: those of one namespace come
	// one after another, in the order of their offsets.
	Receive func(m Message)
	// Relay takes what another node of Kawat's has sent by [Node.Relay]. Of one
	// sender they come one after another, in order.
	Relay func(from string, data []byte)
	// Left says that a node of Kawat's has left, or is taken for dead. Nothing more
	// comes from it.
	Left func(node string)
	// Observe is told of the state of the link.
	Observe func(e Event)
	// Logger is told what an operator should know.
	Logger *slog.Logger
}

// A Node is one member of the cluster. Its methods may be called from any
// goroutine. But for Peers they wait for nothing: what they send is queued, in a
// queue with a bound, and may be lost, as everything between nodes; it is never
// given twice to the same node, nor back to its sender, unless that asks for an echo.
type Node interface {
	// ID returns the node's id, which no other node has or had: 16 hexadecimal digits.
	ID() string

	// Open has the node take part in a namespace, soon; Shut ends that. What is not
	// open is not given to the node, and others do not count it among the peers.
	Open(namespace string)
	Shut(namespace string)

	// Peers returns the other members of a namespace, as far as is known. One that
	// has gone without a word may still be among them for some seconds. What it waits
	// for ends with ctx.
	Peers(ctx context.Context, namespace string) (Peers, error)

	// Publish sends a message to all other members of m.Namespace. The node sets From.
	// It fails with [ErrClosed] after Close, with [ErrQueueFull] if the queue is full,
	// and if the message cannot be sent at all, such as one that is too long.
	Publish(m Message) error

	// Reply answers a message that has a Request: to is that message. The node sets
	// From, and Namespace and Request as they were.
	Reply(to, m Message) error

	// Nodes returns the ids of the other nodes of Kawat's, whatever their namespaces.
	Nodes() []string

	// Relay sends data to the node of Kawat's with that id, or to all of them if it
	// is "". That there is none of that id is no error.
	Relay(to string, data []byte) error

	// Close makes the node leave: the others hear of that after all that it has sent.
	// What is queued is sent, for up to a second. The second call does nothing.
	Close() error
}

// NewID returns an id for a node: 16 hexadecimal digits at random.
func NewID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// A RoomWatcher is a node that is told which rooms its host has, so that it is sent
// no more than what concerns these. A host tells it of all rooms, or of none: then it
// is sent everything that the backplane can have sent to everyone.
type RoomWatcher interface {
	Node

	// RoomCreated says that a room of an open namespace has its first socket, RoomDeleted
	// that it has lost its last. Of one room they are called in order. They wait for
	// nothing. The room that a socket has to itself is one of them.
	RoomCreated(namespace, room string)
	RoomDeleted(namespace, room string)
}

// A Publisher sends messages without being a node: see package emitter. Its methods may
// be called from any goroutine.
type Publisher interface {
	// Publish sends a message to all members of m.Namespace, from "emitter", as that of
	// a [Node] does. Nobody can answer, so it has no Request.
	Publish(m Message) error

	// Close ends the Publisher. What is queued is sent, for up to a second. The second
	// call does nothing.
	Close() error
}

// A Durable is a node of a backplane that keeps broadcasts and sessions for a while,
// so that clients can go on with another node where they were cut.
type Durable interface {
	Node

	// Head returns the offset of the last message of a namespace that the host has
	// taken, which is when Receive has returned, or before the first, where the node
	// began to read. It is zero only as long as that is not known.
	Head(namespace string) Offset

	// SaveSession keeps a session for a while. It has returned before the client is
	// told that its connection is gone, so what it waits for ends with ctx.
	SaveSession(ctx context.Context, s Session, lasts time.Duration) error

	// RestoreSession takes a session out, so that no other node gets it too, with
	// the broadcasts that its client has missed, in order: seen is the offset of the last
	// one that the client knows, or zero. [Session.After] says where the log is to be
	// read from, and [Session.Replay] what to make of it. It fails with [ErrNoSession]
	// if there is none, or a part of the log that is to be read is kept no more.
	RestoreSession(ctx context.Context, namespace, pid string, seen Offset) (Session, []Message, error)
}

// Errors of nodes.
var (
	// ErrClosed says that a node has left.
	ErrClosed = errors.New("backplane: the node has left")
	// ErrQueueFull says that more is waiting to be sent than may.
	ErrQueueFull = errors.New("backplane: too much is waiting to be sent to the other nodes")
	// ErrNoSession says that there is no such session any more.
	ErrNoSession = errors.New("backplane: no such session")
)

// Peers are the other members of a namespace.
type Peers struct {
	Count int      // how many there are
	IDs   []string // who they are, if that is known; else nil
}

// An EventKind says what has become of the link between nodes.
type EventKind uint8

// The kinds of events.
const (
	// Down: the link is cut. Clients of this node do not notice; others are not heard.
	Down EventKind = iota + 1
	// Up: it is back.
	Up
	// Gap: messages were lost, of this node (Lost says how many) or of others (Lost is
	// -1, since nobody knows).
	Gap
	// Ignored: a message that came could not be understood: it is damaged, too large,
	// not authentic, or of a kind or version that is not known.
	Ignored
)

// An Event tells what has become of the link between nodes.
type Event struct {
	Kind EventKind
	Lost int           // messages, of a Gap
	For  time.Duration // how long it was down, of Up and of a Gap
	Err  error         // why; may be nil
}
