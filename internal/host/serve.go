package host

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
)

// A Host serves an endpoint to a net/http server.
type Host struct {
	srv       *engine.Server
	parked    *epoll.Group
	complaint Complaint
}

// New returns a Host of the endpoint.
func New(io engine.Endpoint) *Host { return &Host{srv: io.Engine(), parked: epoll.New()} }

// Server returns the engine that is served.
func (h *Host) Server() *engine.Server { return h.srv }

// Serve answers one request. After an upgrade the session runs on, in a goroutine
// of its own. The only error is an *Error, with nothing written.
func (h *Host) Serve(w http.ResponseWriter, r *http.Request, x Extras) error {
	if x.Failed {
		Write(w, h.srv.ReplyError(http.StatusInternalServerError, "internal error"))
		return nil
	}
	req := translate(w, r, x)
	if req.IsUpgrade() {
		return h.upgrade(w, r, req, x.Hijacking)
	}
	h.poll(w, r, req)
	return nil
}

func (h *Host) poll(w http.ResponseWriter, r *http.Request, req *engine.Request) {
	// A poll hangs as long as the engine sees fit, while the server's WriteTimeout
	// runs. That matters when something is written, which over plain HTTP/1 is the
	// answer, with a deadline of its own; TLS may have to say something before, and
	// over HTTP/2 the poll would be cut off. A writer without deadlines is not ours
	// to mend, so these errors are of no use.
	rc := http.NewResponseController(w)
	if r.ProtoMajor > 1 || r.TLS != nil {
		_ = rc.SetWriteDeadline(time.Time{})
	}
	ctx, release := client(w, r)
	defer release()
	reply := h.srv.ServePoll(ctx, req)
	refused := req.ContentLength != 0 && reply.Status >= http.StatusBadRequest
	if refused {
		_ = rc.SetReadDeadline(time.Now().Add(linger))
	}
	if len(reply.Body) > Piece {
		Write(pieces{w, h.srv.WriteTimeout()}, reply)
	} else {
		_ = rc.SetWriteDeadline(time.Now().Add(h.srv.WriteTimeout()))
		Write(w, reply)
	}
	if refused {
		_ = rc.Flush()
		_, _ = io.CopyN(io.Discard, r.Body, lingerBytes+4*h.srv.MaxPayload())
	}
}

// linger is how long a client is listened to whose body was refused, and
// lingerBytes how far beyond what it might have sent. Hung up on at once while it
// still sends, it might not get to see why.
const (
	linger      = time.Second
	lingerBytes = 1 << 20
)

// client returns a context that ends when the client goes away. A deadline that a
// middleware put on the request's context is not for polls, which hang by design;
// unless its writer shows that the middleware answers in our place at that time.
func client(w http.ResponseWriter, r *http.Request) (context.Context, func()) {
	outer := r.Context()
	if _, limited := outer.Deadline(); !limited || withoutHijack(w) != "" {
		return outer, func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(outer))
	stop := context.AfterFunc(outer, func() {
		if errors.Is(outer.Err(), context.Canceled) {
			cancel()
		}
	})
	return ctx, func() { stop(); cancel() }
}

func (h *Host) upgrade(w http.ResponseWriter, r *http.Request, req *engine.Request, hijacking func()) error {
	u, reply := h.srv.AcceptUpgrade(r.Context(), req)
	if u == nil {
		Write(w, reply)
		return nil
	}
	defer u.Cancel() // unless it starts
	conn, err := h.handshake(w, r, u, hijacking)
	if err == nil {
		u.Start(conn)
		return nil
	}
	if failed, ok := errors.AsType[*Error](err); ok {
		h.complaint.Log(h.srv, failed.culprit, failed.Message)
		return failed
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		Write(w, h.srv.ReplyError(refused.status, refused.Error()))
	}
	return nil // the connection broke while the handshake was written
}
