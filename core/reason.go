package socketio

import "github.com/kawat-go/kawat/core/engine"

// A Reason says why a socket disconnected, in the words of the reference server.
type Reason = engine.Reason

// The reasons for which sockets disconnect.
const (
	// ReasonClientDisconnect: the client left the namespace.
	ReasonClientDisconnect Reason = "client namespace disconnect"
	// ReasonServerDisconnect: Disconnect or DisconnectSockets was called.
	ReasonServerDisconnect Reason = "server namespace disconnect"
	// ReasonForcedServerClose: the client joined no namespace in time.
	ReasonForcedServerClose Reason = "forced server close"

	ReasonTransportClose = engine.ReasonTransportClose
	ReasonTransportError = engine.ReasonTransportError
	ReasonParseError     = engine.ReasonParseError
	ReasonPingTimeout    = engine.ReasonPingTimeout
	ReasonForcedClose    = engine.ReasonForcedClose
	ReasonServerShutdown = engine.ReasonServerShutdown
	ReasonDrained        = engine.ReasonDrained
	ReasonSlowConsumer   = engine.ReasonSlowConsumer
)
