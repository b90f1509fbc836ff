package engine

import (
	"sync"
	"sync/atomic"
)

// The codes of the protocol's errors: those of a [ConnectionError], of the body
// that a refused client is sent, and the keys of [Stats].Refused.
const (
	// CodeUnknownTransport: the request names no transport that Config.Transports has.
	CodeUnknownTransport = codeTransportUnknown
	// CodeUnknownSID: there is no session of that id.
	CodeUnknownSID = codeSessionUnknown
	// CodeBadHandshakeMethod: a handshake that is no GET.
	CodeBadHandshakeMethod = codeBadMethod
	// CodeBadRequest: anything else; the context says what.
	CodeBadRequest = codeBadRequest
	// CodeForbidden: Config.AllowRequest refused, or the page is of another origin.
	CodeForbidden = codeForbidden
	// CodeUnsupportedProtocol: the client speaks another revision of the protocol.
	CodeUnsupportedProtocol = codeProtocol
)

// A ConnectionError says why a request was refused.
type ConnectionError struct {
	Request *Request // must not be changed
	Code    int      // see [CodeUnknownTransport] and the others
	Message string   // what the client is told
	// Context is what it was about. With [CodeBadRequest] it is one of the
	// reference's names: INVALID_ORIGIN, TRANSPORT_MISMATCH, PROTOCOL_MISMATCH,
	// TRANSPORT_HANDSHAKE_ERROR, ID_GENERATION_ERROR, MIDDLEWARE_FAILURE; or one of
	// ours, for what the reference does not refuse: INVALID_WEBSOCKET_HANDSHAKE,
	// UPGRADES_DISABLED, SERVER_SHUTDOWN, SERVER_FULL (Config.MaxSessions), SERVER_BUSY
	// (Config.MaxHandshakesPerSecond). Otherwise it is what was wrong, such as the
	// transport's name or the method.
	Context string
	// Cause is the error of the user's function that refused, or nil.
	Cause error
}

// OnConnectionError adds a function that is called for each request that is
// refused, before the answer leaves; the reference's event connection_error. It
// may be called several times at once. A request is refused while no session
// exists, or because it does not fit its session, which goes on; how sessions end
// is what [Session.OnClose] tells.
func (s *Server) OnConnectionError(f func(ConnectionError)) { s.connectionErrors.add(f) }

// A hookList holds functions of the user's. It grows by copying, so that whoever
// calls them holds no lock.
type hookList[F any] struct {
	mu   sync.Mutex
	list atomic.Pointer[[]F]
}

func (l *hookList[F]) add(f F) {
	l.mu.Lock()
	defer l.mu.Unlock()
	grown := append(append([]F{}, l.all()...), f)
	l.list.Store(&grown)
}

// all returns the functions, in the order in which they were added.
func (l *hookList[F]) all() []F {
	if list := l.list.Load(); list != nil {
		return *list
	}
	return nil
}
