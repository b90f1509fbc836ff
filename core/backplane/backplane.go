// Package backplane is what the nodes of a cluster say to each other, and how: the
// seam between a Socket.IO server and what links it with others. Node calls such a
// thing an adapter.
//
// [Memory] links servers of one process. Package backplanetest has the tests that
// an implementation over a network has to pass.
package backplane

import (
	"context"
	"errors"
)

// A Backplane links nodes, which are servers. Its method may be called from any
// goroutine.
type Backplane interface {
	// Join makes a node, to which the messages of others are given from then on,
	// also before Join has returned.
	Join(r Receiver) (Node, error)
}

// A Receiver takes the messages of other nodes. Those of one sender come one after
// another, in the order in which they were sent; those of different senders may
// come at the same time. It must not wait for anything that another message could
// bring, and it does not panic. It may call the methods of its node.
type Receiver func(m Message)

// A Node is one member of the cluster. Its methods may be called from any
// goroutine. What they send may be lost, as everything between nodes; it is never
// given twice to the same node, nor back to its sender.
type Node interface {
	// ID returns the node's id, which no other node has or had.
	ID() string

	// Peers returns the ids of the other nodes as far as is known. One that has
	// gone without a word may still be among them for some seconds.
	Peers(ctx context.Context) ([]string, error)

	// Publish sends a message to all other nodes. The node sets From. It does not
	// wait for the others; what it waits for ends with ctx. It fails with
	// [ErrClosed] after Close.
	Publish(ctx context.Context, m Message) error

	// Send sends a message to one other node. That there is none of that id is no
	// error.
	Send(ctx context.Context, to string, m Message) error

	// Close makes the node leave: the others are given a [NodeLeft] after all that
	// it has sent. It does not wait for a call of the receiver that is under way,
	// and no other begins. The second call does nothing.
	Close() error
}

// ErrClosed says that a node has left.
var ErrClosed = errors.New("backplane: the node has left")

// A Kind says what a message is. Kinds are added as servers have more to say; a
// receiver ignores those that it does not know.
type Kind uint8

// The kinds. Their values are those of the reference's cluster messages.
const (
	// ServerSideEmit is an event for the program on the other nodes. With a
	// Request, each is to answer.
	ServerSideEmit Kind = 9
	// ServerSideEmitResponse is the answer. Without a packet it says that the node
	// is not concerned.
	ServerSideEmitResponse Kind = 10
	// NodeLeft says that the node From has left, or is taken for dead. The
	// backplane itself sends it.
	NodeLeft Kind = 13
)

// A Message is what one node says to others. Nobody changes it after it was sent,
// nor what it refers to.
type Message struct {
	Kind      Kind
	From      string // the node that sent it
	Namespace string // that it is about; any text, not only what looks like a name
	Request   string // pairs an answer with its request; "" where there is none
	Packet    Packet
}

// A Packet is a Socket.IO packet as the servers' codec has encoded it.
type Packet struct {
	Head        []byte   // the first message; nil if there is no packet
	Binary      bool     // whether that is binary
	Attachments [][]byte // the binary messages that belong to it
}
