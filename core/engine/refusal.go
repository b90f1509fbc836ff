package engine

import (
	"encoding/json"
	"log/slog"
	"sync/atomic"

	"github.com/kawat-go/kawat/core/internal/quiet"
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
	codeSessionUnknown:   "the session has ended, or lives on another node: polling over several nodes needs sticky sessions, or Config.ShareSessions",
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
	crowd   crowding
}

// refusals counts them: each where it belongs.
type refusals struct {
	codes  [codeProtocol + 1]atomic.Int64 // but for those that follow
	crowds [crowdings]atomic.Int64
	lines  [crowdings]quiet.Line
}

// count returns the counter that a refusal belongs to.
func (r *refusals) count(why *refusal) *atomic.Int64 {
	if why.crowd != uncrowded {
		return &r.crowds[why.crowd]
	}
	return &r.codes[why.code]
}

func (r *refusals) fill(stats *Stats) {
	stats.RefusedShutdown = r.crowds[shuttingDown].Load()
	stats.RefusedFull = r.crowds[full].Load()
	stats.RefusedBusy = r.crowds[busy].Load()
	stats.RefusedRouter = r.crowds[unreachable].Load()
	stats.Refused = make(map[int]int64)
	for code := range r.codes {
		n := r.codes[code].Load()
		if code == codeBadRequest {
			n += stats.RefusedShutdown + stats.RefusedFull + stats.RefusedBusy + stats.RefusedRouter
		}
		if n > 0 {
			stats.Refused[code] = n
		}
	}
}

func refusalOf(code int, context string) *refusal {
	r := &refusal{code: code, message: codeMessages[code], context: context, status: statusBadRequest}
	if code == codeForbidden {
		r.status = statusForbidden
	}
	return r
}

// refuse notes a refusal, and makes the reply that says so.
func (s *Server) refuse(r *Request, why *refusal) Reply {
	s.noteRefused(r, why)
	if why.crowd != uncrowded {
		reply := comeBackLater(why.message)
		if why.crowd == shuttingDown {
			reply.leaveHere()
		}
		return reply
	}
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

// logRefused says the first refusal of each kind aloud, and that the server is crowded
// once in a while. What clients have chosen of it is bounded.
func (s *Server) logRefused(r *Request, why *refusal, first bool) {
	level, hint := slog.LevelDebug, codeHints[why.code]
	var refused int64
	switch {
	case why.crowd == uncrowded && first:
		level = slog.LevelWarn
	case crowdHints[why.crowd] != "":
		unsaid, due := s.refusals.lines[why.crowd].Due(1)
		if !due {
			return
		}
		level, hint, refused = slog.LevelWarn, crowdHints[why.crowd], unsaid+1
	}
	if !s.log.Enabled(r.context(), level) {
		return
	}
	attrs := []any{"message", quiet.Text(why.message), "context", quiet.Text(why.context), "remote", r.RemoteAddr, "hint", hint}
	if why.cause != nil {
		attrs = append(attrs, "error", quiet.Value(why.cause))
	}
	if refused > 0 {
		attrs = append(attrs, "refused", refused)
	}
	s.log.Log(r.context(), level, "request refused", attrs...)
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
