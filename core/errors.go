package socketio

import (
	"context"
	"errors"
	"fmt"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// An Error is an error that the client may see: the only one that does. A
// middleware's reaches the client's connect_error handler; a handler's becomes
// the ack {"error":{"message":...,"data":...}}. Of any other error the client is
// told "internal error", and the log the rest.
type Error struct {
	Message string
	Data    any // optional
}

func (e *Error) Error() string { return e.Message }

// Errors of emitting and waiting.
var (
	// ErrDisconnected says that the socket has left, or never was connected.
	ErrDisconnected = errors.New("socketio: socket disconnected")
	// ErrQueueFull says that the client did not keep up and was disconnected for
	// it.
	ErrQueueFull = engine.ErrQueueFull
	// ErrAckTimeout says that the client did not acknowledge in time. It is a
	// [context.DeadlineExceeded] too.
	ErrAckTimeout error = ackTimeout{}
	// ErrDropped says that a volatile event was not sent, so that no ack will come.
	ErrDropped = errors.New("socketio: volatile event dropped: the client was not ready for it")
	// ErrTooManyRooms says that the socket is in Config.MaxRooms rooms already.
	ErrTooManyRooms = errors.New("socketio: this socket is in too many rooms")
	// ErrTooManyAcks says that the socket owes Config.MaxPendingAcks already.
	ErrTooManyAcks = errors.New("socketio: too many acks are pending on this socket")
	// ErrAlreadyAcked says that an event has been acknowledged before.
	ErrAlreadyAcked = errors.New("socketio: event already acknowledged")
)

type ackTimeout struct{}

func (ackTimeout) Error() string        { return "socketio: operation has timed out" }
func (ackTimeout) Is(target error) bool { return target == context.DeadlineExceeded }

// An AckError says that not all receivers of a broadcast acknowledged it.
type AckError struct {
	Expected, Received int
	Err                error // why the wait ended, or what the first missing one did
}

func (e *AckError) Error() string {
	return fmt.Sprintf("socketio: %d of %d receivers acknowledged: %v", e.Received, e.Expected, e.Err)
}

func (e *AckError) Unwrap() error { return e.Err }

// A BindError says that the arguments of an event, or of an ack, are not what the
// program expects. Its sender is told "invalid arguments".
type BindError struct {
	Event string
	Err   error
}

func (e *BindError) Error() string {
	return fmt.Sprintf("socketio: arguments of %q: %v", e.Event, e.Err)
}

func (e *BindError) Unwrap() error { return e.Err }

// CheckEvent returns an error if an event's name cannot be used, because it
// belongs to Socket.IO. Registering a handler for such a name panics with it.
func CheckEvent(name string) error {
	if !packet.Reserved(name) {
		return nil
	}
	cure := "choose another name"
	switch name {
	case "connect":
		cure = "use OnConnection, or choose another name"
	case "disconnect", "disconnecting":
		cure = "use OnDisconnect or OnDisconnecting, or Disconnect to disconnect"
	case "connect_error":
		cure = "return an error from a middleware to refuse a connection"
	}
	return fmt.Errorf("socketio: the event name %q is reserved: %s", name, cure)
}

// vetted returns an error of the user's after a look at it by the methods that it may
// have, which are the user's code as well. It is for where that is guarded.
func vetted(err error) error {
	if err != nil {
		_ = disclosed(err)
		_ = errors.Is(err, ErrDisconnected)
	}
	return err
}

// disclosed returns what the client may know of an error.
func disclosed(err error) *Error {
	var e *Error
	var bind *BindError
	switch {
	case errors.As(err, &e) && e != nil:
		return e
	case errors.As(err, &bind):
		return &Error{Message: "invalid arguments"}
	}
	return internalError
}

// internalError is all that a client learns of most errors.
var internalError = &Error{Message: "internal error"}

// An errorObject is how an error travels. The data is left out where there is none.
type errorObject struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitzero"`
}
