package host

import (
	"context"
	"net/http"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// Extras are what an adapter adds to a request.
type Extras struct {
	// Context is the base of the session's contexts; nil stands for the
	// request's. Its cancellation does not reach the session.
	Context context.Context
	// Values are what the framework's middleware left for the session.
	Values map[string]any
	// Failed says that the function of the user's which was to make them has not.
	Failed bool
	// Hijacking, if set, is called when the connection is about to be taken over.
	Hijacking func()
}

// translate makes the engine's request. A handshake's request lives as long as
// its session, so it shares nothing that a middleware may still change.
func translate(w http.ResponseWriter, r *http.Request, x Extras) *engine.Request {
	req := &engine.Request{
		Method:        r.Method,
		Path:          r.URL.Path,
		RawQuery:      r.URL.RawQuery,
		Host:          r.Host,
		RemoteAddr:    r.RemoteAddr,
		Secure:        r.TLS != nil,
		Header:        engine.Header(r.Header),
		ContentLength: r.ContentLength,
		Values:        x.Values,
	}
	if r.Method == http.MethodPost {
		req.Body = r.Body
		req.SetReadDeadline = func(t time.Time) error {
			return http.NewResponseController(w).SetReadDeadline(t)
		}
	}
	if Handshake(r.URL.RawQuery) {
		req.Header = engine.Header(r.Header.Clone())
		req.Context = detached(x.Context, r)
	}
	amend(req, w, r)
	return req
}

// amend hides header fields from the engine that do not count here.
func amend(req *engine.Request, w http.ResponseWriter, r *http.Request) {
	// HTTP/1.0 has no upgrades (RFC 9110, section 7.8).
	old := !r.ProtoAtLeast(1, 1) && r.Header.Get("Upgrade") != ""
	// A compressing middleware announces itself by these before it calls its
	// handler. Compressed by the engine as well, a reply would be so twice.
	set := w.Header()
	compressed := len(set) > 0 && (set.Get("Content-Encoding") != "" || varies(set, "Accept-Encoding"))
	if !old && !compressed {
		return
	}
	h := http.Header(req.Header).Clone()
	if old {
		h.Del("Upgrade")
	}
	if compressed {
		h.Del("Accept-Encoding")
	}
	req.Header = engine.Header(h)
}
