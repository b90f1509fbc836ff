package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Middleware sees a request before the engine does: see [Server.Use].
type Middleware func(ctx context.Context, r *Request) error

// Use adds a middleware, which runs before anything else for every HTTP request:
// handshakes, polls, POSTs, preflights and those that ask for a WebSocket; but not for
// handshakes that are beyond Config.MaxSessions or MaxHandshakesPerSecond. ctx ends
// when the client goes away. Middlewares run in the order in which they were added.
//
// A middleware may change the request's Header, Values and Context. What it changes
// at a handshake lasts as long as the session. An error refuses the request with
// status 400, [CodeBadRequest] and the context MIDDLEWARE_FAILURE, and so does a
// panic; the client is not told more. A [*ReplyError] is an answer of its own. The
// middlewares behind it do not run.
func (s *Server) Use(m Middleware) { s.middlewares.add(m) }

// A ReplyError is an error of a [Middleware] that says how the client is answered.
type ReplyError struct{ Reply Reply }

func (e *ReplyError) Error() string {
	return fmt.Sprintf("engine: answered with status %d", e.Reply.Status)
}

// runMiddlewares reports whether the request goes on; if not, the reply is its
// answer.
func (s *Server) runMiddlewares(ctx context.Context, r *Request) (Reply, bool) {
	all := s.middlewares.all()
	if len(all) == 0 {
		return Reply{}, true
	}
	// The host's own header must not change, nor must a nil map be written to.
	r.Header, r.Context, r.Values = r.Header.clone(), r.context(), maps.Clone(r.Values)
	if r.Values == nil {
		r.Values = make(map[string]any)
	}
	for _, m := range all {
		err, own := errPanicked, (*ReplyError)(nil)
		s.Call("Use", func() {
			failed := m(ctx, r)
			own, _ = errors.AsType[*ReplyError](failed) // the methods of an error are the user's code, too
			err = failed
		})
		if err == nil {
			continue
		}
		why := refusalOf(codeBadRequest, "MIDDLEWARE_FAILURE")
		if own != nil {
			if final(own.Reply.Status) {
				reply := own.Reply // the error may be one for all
				reply.Header = reply.Header.clone()
				s.sanitize(reply.Header)
				return reply, false
			}
			err = fmt.Errorf("engine: a ReplyError has the status %d, which is none of a final response", own.Reply.Status)
		}
		why.cause = err
		return s.refuse(r, why), false
	}
	return Reply{}, true
}

var errPanicked = errors.New("engine: a function of the user's panicked")

// final reports whether a status can be that of a response that ends a request.
func final(status int) bool { return status >= statusOK && status <= 599 }

// clone returns a copy, which is not nil.
func (h Header) clone() Header {
	c := make(Header, len(h))
	for key, values := range h {
		c[key] = slices.Clone(values)
	}
	return c
}
