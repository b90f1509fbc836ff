package engine

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

const contextOrigin = "ORIGIN_NOT_ALLOWED"

// admit decides whether a request is served, in the order of the reference. It
// returns the session that the request belongs to, or nil for a handshake.
func (s *Server) admit(ctx context.Context, r *Request, upgrade bool) (*Session, *refusal) {
	query := r.query()
	transport := query.transport.value
	if query.transport.n != 1 || !slices.Contains(s.cfg.Transports, transport) {
		return nil, refusalOf(codeTransportUnknown, transport)
	}
	if why := s.checkOrigin(r); why != nil {
		return nil, why
	}
	if why := s.checkScript(r, &query); why != nil {
		return nil, why
	}
	if upgrade && !r.completeUpgrade() {
		return nil, refusalOf(codeBadRequest, "INVALID_WEBSOCKET_HANDSHAKE")
	}
	if query.sid.n > 0 {
		return s.admitTo(&query, upgrade)
	}
	if r.Method != "GET" {
		return nil, refusalOf(codeBadMethod, r.Method)
	}
	if (transport == WebSocket) != upgrade {
		return nil, refusalOf(codeBadRequest, "TRANSPORT_HANDSHAKE_ERROR")
	}
	if !s.bucket.take() {
		return nil, crowdRefusals[busy]
	}
	if why := s.allow(ctx, r); why != nil {
		return nil, why
	}
	if s.revision(&query) == 0 {
		return nil, refusalOf(codeProtocol, "EIO="+strings.Join(r.Query()["EIO"], ","))
	}
	return nil, nil
}

// admitTo decides about a request to a session that the client claims to have.
func (s *Server) admitTo(q *query, upgrade bool) (*Session, *refusal) {
	if q.sid.n != 1 {
		return nil, refusalOf(codeSessionUnknown, "several sids")
	}
	transport, session := q.transport.value, s.session(q.sid.value)
	switch {
	case session == nil:
		return nil, refusalOf(codeSessionUnknown, "")
	case upgrade && transport != WebSocket, !upgrade && transport != session.Transport():
		return nil, refusalOf(codeBadRequest, "TRANSPORT_MISMATCH")
	case s.revision(q) != session.Protocol():
		return nil, refusalOf(codeBadRequest, "PROTOCOL_MISMATCH")
	}
	return session, nil
}

// allow asks the user's AllowRequest. A panic there refuses.
func (s *Server) allow(ctx context.Context, r *Request) (why *refusal) {
	if s.cfg.AllowRequest == nil {
		return nil
	}
	why = refusalOf(codeForbidden, "AllowRequest")
	why.cause = errPanicked
	s.Call("Config.AllowRequest", func() {
		err := s.cfg.AllowRequest(ctx, r)
		if err == nil {
			why = nil
			return
		}
		if message := err.Error(); message != "" { // the user's code, too
			why.message = message
		}
		why.cause = err
	})
	return why
}

// completeUpgrade reports whether the opening handshake has what RFC 6455,
// section 4.2.1, asks of it.
func (r *Request) completeUpgrade() bool {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key"))
	return err == nil && len(key) == 16 && r.Method == "GET" && r.Header.hasToken("Sec-Websocket-Version", "13")
}

// newID makes a session id.
func (s *Server) newID(r *Request) (string, error) {
	if router := s.router.Load(); router != nil {
		return (*router).NewID(), nil
	}
	if s.cfg.GenerateID == nil {
		return NewID(), nil
	}
	id, err := "", errors.New("engine: Config.GenerateID panicked")
	s.Call("Config.GenerateID", func() { id, err = s.cfg.GenerateID(r) })
	switch {
	case err != nil:
		return "", err
	case len(id) == 0 || len(id) > 64 || strings.ContainsFunc(id, notInID):
		return "", errors.New("engine: Config.GenerateID must return 1 to 64 characters of A-Z, a-z, 0-9, - and _")
	}
	return id, nil
}

func notInID(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
}

// NewID makes an id of 120 random bits in 20 characters of A-Z, a-z, 0-9, - and _,
// the form that the tools around the reference expect. It is what sessions get
// where Config.GenerateID is not set.
func NewID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
