package engine

import (
	"slices"
	"strings"

	"github.com/kawat-go/kawat/core/internal/quiet"
)

// A replyKind is what a reply that nearly all requests get is about. Its header is the
// same for all, and made once, unless something of the request counts.
type replyKind uint8

const (
	otherReply   replyKind = iota // has its own header
	payloadReply                  // to a poll
	okReply                       // to a POST
)

// contentType returns what a reply of the kind has.
func (k replyKind) contentType() string {
	if k == okReply {
		return "text/html"
	}
	return "text/plain; charset=UTF-8"
}

// own gives the reply a header of its own, which may be changed.
func (r *Reply) own() {
	if r.kind != otherReply {
		r.Header = Header{"Content-Type": {r.kind.contentType()}}
		r.kind = otherReply
	}
}

// makeUsual makes the headers that replies share, where there can be some: nothing
// else may have a say in them.
func (s *Server) makeUsual() {
	everybody := len(s.cfg.AllowedOrigins) == 0 || slices.Contains(s.cfg.AllowedOrigins, "*")
	if !everybody || s.cfg.Headers != nil || s.cfg.InitialHeaders != nil {
		return
	}
	for kind := payloadReply; kind <= okReply; kind++ {
		reply := Reply{Status: statusOK, kind: kind}
		s.addHeaders(&reply, &Request{}, false)
		s.usual[kind] = reply.Header
	}
}

// addUsual gives the reply the header of its kind, if that is all it needs.
func (s *Server) addUsual(reply *Reply, r *Request) bool {
	h := s.usual[reply.kind]
	if h == nil || isExplorer(r) {
		return false
	}
	reply.Header = h
	return true
}

// sanitize takes out of a header what the user's functions must not have put there:
// a line break in a value would let whoever supplied the value write header fields,
// or a response, of their own. The operator is told once.
func (s *Server) sanitize(h Header) {
	for key, values := range h {
		kept := values[:0:0]
		for _, value := range values {
			if !strings.ContainsFunc(value, notInValue) {
				kept = append(kept, value)
			}
		}
		switch {
		case !isToken(key):
			delete(h, key)
		case len(kept) == len(values):
			continue
		case len(kept) == 0:
			delete(h, key)
		default:
			h[key] = kept
		}
		if s.badHeader.CompareAndSwap(false, true) {
			s.log.Error("a header field with forbidden characters, such as a line break, is left out; "+
				"check what Config.InitialHeaders, Config.Headers and middlewares take over from clients", "field", quiet.Text(key))
		}
	}
}

// notInValue reports what no value of a header field has (RFC 9110, section 5.5).
func notInValue(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// isToken reports whether a header field can have the name (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		return !letter && !(c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", c))
	})
}
