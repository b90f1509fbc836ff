package engine

import (
	"encoding/json"
	"log/slog"
)

// The codes of the errors that requests are answered with.
const (
	codeTransportUnknown = 0
	codeSessionUnknown   = 1
	codeBadMethod        = 2
	codeBadRequest       = 3
	codeForbidden        = 4
	codeProtocol         = 5
)

var codeMessages = [...]string{
	codeTransportUnknown: "Transport unknown",
	codeSessionUnknown:   "Session ID unknown",
	codeBadMethod:        "Bad handshake method",
	codeBadRequest:       "Bad request",
	codeForbidden:        "Forbidden",
	codeProtocol:         "Unsupported protocol version",
}

// codeHints tell an operator what to do about the first refusal of each kind.
var codeHints = [...]string{
	codeTransportUnknown: "the client asked for a transport that Config.Transports does not have, or is no Socket.IO client",
	codeSessionUnknown:   "the session has ended, or lives on another node: polling over several nodes needs sticky sessions",
	codeBadMethod:        "a handshake is a GET; for browsers on other origins set Config.AllowedOrigins",
	codeBadRequest:       "see the context",
	codeForbidden:        "refused by Config.AllowRequest, or a page of another origin: Config.AllowedOrigins lists those that may connect",
	codeProtocol:         "the client speaks an older protocol: socket.io-client 3 and later speak Engine.IO 4; Config.AllowEIO3 lets older ones in",
}

// A refusal is why a request is not served.
type refusal struct {
	code    int
	message string // what the client is told
	context string // what it is about, for the operator
	status  int
	cause   error // of the user's function that refused, if one did
}

func refusalOf(code int, context string) *refusal {
	r := &refusal{code: code, message: codeMessages[code], context: context, status: statusBadRequest}
	if code == codeForbidden {
		r.status = statusForbidden
	}
	return r
}

// refuse counts and logs a refusal, and makes the reply that says so.
func (s *Server) refuse(r *Request, why *refusal) Reply {
	if why == crowdRefusals[busy] {
		return s.turnAway(r, busy)
	}
	level := slog.LevelDebug
	if s.refused[why.code].Add(1) == 1 {
		level = slog.LevelWarn
	}
	attrs := []any{"message", why.message, "context", why.context, "remote", r.RemoteAddr, "hint", codeHints[why.code]}
	if why.cause != nil {
		attrs = append(attrs, "error", why.cause)
	}
	s.cfg.Logger.Log(r.context(), level, "request refused", attrs...)
	s.report(r, why)
	if r.IsUpgrade() {
		// A WebSocket client is shown the status at most; the reference's is
		// always the same.
		status := statusBadRequest
		if why.context == contextOrigin {
			status = statusForbidden
		}
		return Reply{Status: status, Header: Header{"Content-Type": {"text/html"}, "Connection": {"close"}},
			Body: []byte(why.message)}
	}
	return errorReply(why.status, why.code, why.message)
}

// ReplyError makes a reply in the form of the protocol's errors, for what only an
// adapter can find out.
func (s *Server) ReplyError(status int, message string) Reply {
	return errorReply(status, codeBadRequest, message)
}

func errorReply(status, code int, message string) Reply {
	body, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{code, message})
	if err != nil {
		panic(err) // a string and a number
	}
	return Reply{Status: status, Header: Header{"Content-Type": {"application/json"}}, Body: body}
}
