package engine

import (
	"encoding/json"
	"net/url"
	"strings"
)

// Browsers without cross-origin requests poll by script elements, whose source calls
// a function with the payload, and post by forms. Either revision may travel so.

// isJSONP reports whether a client polls by JSONP.
func (s *Server) isJSONP(q *query) bool { return s.cfg.AllowEIO3 && q.j.n == 1 }

// jsonpHead returns what a script begins with: of the client's number, only digits
// get into it.
func jsonpHead(j string) string {
	return "___eio[" + strings.Map(func(c rune) rune {
		if '0' <= c && c <= '9' {
			return c
		}
		return -1
	}, j) + "]("
}

// script makes a script of the answer to a poll.
func (l *legacy) script(r *Request, reply Reply) Reply {
	// The encoder escapes U+2028 and U+2029, which end a line of a script, and what
	// could look like HTML to a browser that guesses types. The type is the
	// reference's; with "nosniff" beside it browsers would not run the script.
	text, err := json.Marshal(string(reply.Body))
	if err != nil {
		panic(err) // a string
	}
	reply.own()
	reply.Body = append(append([]byte(l.jsonp), text...), ");"...)
	if agent := r.Header.Get("User-Agent"); strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/") {
		reply.Header.Set("X-XSS-Protection", "0") // it takes the callback's name for an attack
	}
	return reply
}

// unescapeNewlines undoes what clients do to keep browsers from rewriting line ends.
var unescapeNewlines = strings.NewReplacer(`\\n`, `\n`, `\n`, "\n")

// jsonpBody returns the payload in a form's body, nil if there is none.
func jsonpBody(body []byte) []byte {
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["d"]) != 1 {
		return nil
	}
	return []byte(unescapeNewlines.Replace(form["d"][0]))
}

// checkScript is checkOrigin for what pages load as scripts, since browsers say no
// Origin then: any page could else read a visitor's session. Those of today say
// whether the page is of another site, those of before at least the page's address.
func (s *Server) checkScript(r *Request, q *query) *refusal {
	if !s.isJSONP(q) || len(r.Header["Origin"]) > 0 {
		return nil
	}
	site, page := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Referer")
	if site == "same-origin" || site == "none" || site == "" && page == "" {
		return nil
	}
	origin := ""
	if u, err := url.Parse(page); err == nil && u.Host != "" {
		origin = u.Scheme + "://" + u.Host
	}
	if s.originAllowed(r, origin) {
		return nil
	}
	return refusalOf(codeForbidden, contextOrigin)
}
