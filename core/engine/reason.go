package engine

import "errors"

// A Reason says why a session ended, in the words of the reference server.
type Reason string

// The reasons for which sessions end.
const (
	// ReasonTransportClose: the client closed the connection, or it broke.
	ReasonTransportClose Reason = "transport close"
	// ReasonTransportError: the client broke the transport's rules.
	ReasonTransportError Reason = "transport error"
	// ReasonParseError: what arrived is no packet.
	ReasonParseError Reason = "parse error"
	// ReasonPingTimeout: the client did not answer a ping in time.
	ReasonPingTimeout Reason = "ping timeout"
	// ReasonForcedClose: the server closed the session.
	ReasonForcedClose Reason = "forced close"
	// ReasonServerShutdown: the server shuts down.
	ReasonServerShutdown Reason = "server shutting down"
	// ReasonDrained: the server moved the client away by [Server.Drain]. The
	// reference cannot do that and so has no such reason.
	ReasonDrained Reason = "server draining"
	// ReasonSlowConsumer: more was waiting for the client than the limits allow.
	// The reference has no such limit and so no such reason.
	ReasonSlowConsumer Reason = "slow consumer"
)

// Errors of sending to a session.
var (
	// ErrClosed says that the session has ended, or is about to.
	ErrClosed = errors.New("engine: session closed")
	// ErrQueueFull says that the client did not keep up, and that its session
	// was ended for it.
	ErrQueueFull = errors.New("engine: too much is waiting for this client; it was disconnected as a slow consumer")
)
