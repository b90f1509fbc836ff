package engine

import "strings"

// addForExplorer turns off a filter of Internet Explorer, which may change a
// payload that it takes for an attack.
func addForExplorer(h Header, r *Request) {
	if isExplorer(r) {
		h.Set("X-XSS-Protection", "0")
	}
}

func isExplorer(r *Request) bool {
	agent := r.Header.Get("User-Agent")
	return strings.Contains(agent, "MSIE ") || strings.Contains(agent, "Trident/")
}
