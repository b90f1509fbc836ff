package engine

import "fmt"

// A Conn is a connection that carries messages: a WebSocket that an adapter has
// upgraded, or a pipe in a test.
type Conn interface {
	// ReadMessages waits until a message is there, then calls deliver once for
	// each message that arrived with it, in order. The data is valid during the
	// call only. It returns the error that deliver returned, io.EOF when the
	// peer closed or the connection broke, or a *ConnError when the peer broke
	// the connection's protocol. One goroutine reads.
	ReadMessages(deliver func(binary bool, data []byte) error) error

	// WriteFrames writes all frames in as few system calls as it takes, within
	// the connection's write deadline. It does not keep them. One goroutine writes
	// at a time. After an error the connection is of no use.
	WriteFrames(frames []*Frame) error

	// Close starts an orderly end: it sends a close frame with the code, or one
	// without a code if it is 0, and leaves the peer a few seconds to answer,
	// after which ReadMessages returns. It may be called at any time, from any
	// goroutine, also while WriteFrames runs, and more than once.
	Close(code int, reason string)

	// Abort drops the connection at once. It may be called at any time, from
	// any goroutine, and more than once.
	Abort()
}

// A PromptConn is a Conn that can be written to without waiting, as far as its
// peer takes what it is sent.
type PromptConn interface {
	Conn

	// Prompt reports whether the other methods may be used. It does not change.
	Prompt() bool

	// TryWriteFrames is like WriteFrames, but does not wait. Where it reports
	// false, something is left, and FinishWrite must be called before anything
	// else is written. The frames may be used again at once.
	TryWriteFrames(frames []*Frame) (done bool, err error)

	// FinishWrite waits until what TryWriteFrames has left is written.
	FinishWrite() error
}

// A ParkingConn is a Conn that needs no goroutine while its peer is silent.
type ParkingConn interface {
	PromptConn

	// Park has awake called, now and from then on whenever something has arrived or
	// the connection has ended, on a goroutine that awake may keep as long as it
	// likes. Two calls never read at the same time: the next begins after Rest.
	// Where Park reports false, none of this is possible.
	Park(awake func()) bool

	// ReadAvailable is for awake to read with: like ReadMessages, but it does not
	// wait. more says that it must be called again.
	ReadAvailable(deliver func(binary bool, data []byte) error) (more bool, err error)

	// Rest is called by awake when nothing is left to read. It reports false if
	// something has arrived meanwhile, which awake must read as well. After true
	// the connection is no longer awake's; it may go on with other work.
	Rest() bool
}

// A MeteredConn is a Conn that can say how its peer gets on with what it is sent. A
// ping is then late only when it has had the time to arrive.
type MeteredConn interface {
	Conn

	// Progress returns how many bytes the system has been given for the peer, and how
	// many of them the peer has acknowledged; false if nobody can tell. It may be
	// called at any time, from any goroutine.
	Progress() (taken, sent int64, ok bool)
}

// A ConnError says how a peer broke the protocol of its connection.
type ConnError struct {
	Code   int    // the WebSocket close code that the peer was sent
	Reason string // for people
}

func (e *ConnError) Error() string { return fmt.Sprintf("%s (close code %d)", e.Reason, e.Code) }
