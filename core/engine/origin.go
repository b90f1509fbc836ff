package engine

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// checkOrigin refuses what a page of a foreign origin asks for. Browsers let any
// page open a WebSocket to any server and send its cookies along, so this check
// is what keeps other websites out; it is the same for both transports.
func (s *Server) checkOrigin(r *Request) *refusal {
	values := r.Header["Origin"]
	if len(values) == 0 {
		return nil // not from a page
	}
	origin := values[0]
	if len(values) > 1 || strings.ContainsFunc(origin, notInHeader) {
		return refusalOf(codeBadRequest, "INVALID_ORIGIN")
	}
	if s.originAllowed(r, origin) {
		return nil
	}
	return refusalOf(codeForbidden, contextOrigin)
}

func (s *Server) originAllowed(r *Request, origin string) bool {
	return slices.Contains(s.cfg.AllowedOrigins, "*") ||
		slices.ContainsFunc(s.cfg.AllowedOrigins, func(o string) bool { return equalASCII(o, origin) }) ||
		sameOrigin(r, origin)
}

// sameOrigin reports whether origin is the server's own. The scheme is not
// compared: behind a proxy that ends TLS the server does not know it.
func sameOrigin(r *Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || strings.ContainsFunc(origin, notInHeader) {
		return false
	}
	return equalASCII(withoutDefaultPort(u.Host), withoutDefaultPort(r.Host))
}

// equalASCII reports whether two texts are the same but for the case of ASCII letters.
// To strings.EqualFold all that is not UTF-8 is the same, and so are the letter k and
// the sign for kelvins.
func equalASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func withoutDefaultPort(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil || port != "80" && port != "443" {
		return hostport
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func notInHeader(c rune) bool { return c != '\t' && (c < ' ' || c > 0xff || c == 0x7f) }

// addCORS lets scripts of allowed origins read the response. A response to the
// server's own pages, or to no page, needs nothing.
func (s *Server) addCORS(h Header, r *Request) {
	origin := r.Header.Get("Origin")
	if len(s.cfg.AllowedOrigins) == 0 {
		return
	}
	if slices.Contains(s.cfg.AllowedOrigins, "*") {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Add("Vary", "Origin")
		if origin == "" || !s.originAllowed(r, origin) {
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
	}
	if s.cfg.CORS.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(s.cfg.CORS.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(s.cfg.CORS.ExposedHeaders, ","))
	}
}

// preflight answers what browsers ask before a script's request to another
// origin.
func (s *Server) preflight(r *Request) Reply {
	reply := Reply{Status: statusNoContent, Header: Header{}}
	s.addCORS(reply.Header, r)
	if reply.Header.Get("Access-Control-Allow-Origin") == "" {
		return reply
	}
	reply.Header.Set("Access-Control-Allow-Methods", "GET,POST,OPTIONS")
	if allowed := s.cfg.CORS.AllowedHeaders; len(allowed) > 0 {
		reply.Header.Set("Access-Control-Allow-Headers", strings.Join(allowed, ","))
	} else if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" && !strings.ContainsFunc(asked, notInHeader) {
		reply.Header.Set("Access-Control-Allow-Headers", asked)
		reply.Header.Add("Vary", "Access-Control-Request-Headers")
	}
	if age := s.cfg.CORS.MaxAge; age > 0 {
		reply.Header.Set("Access-Control-Max-Age", strconv.Itoa(int(age.Seconds())))
	}
	return reply
}
