package engine

import "strings"

// addForExplorer turns off a filter of Internet Explorer, which may change a
// payload that it takes for an attack.
func addForExplorer(h Header, r *Request) {
	if agent := r.Header.Get("User-Agent"); strings.Contains(agent, "MSIE ") || strings.Contains(agent, "Trident/") {
		h.Set("X-XSS-Protection", "0")
	}
}
