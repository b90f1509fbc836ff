package host

import (
	"net/url"
	"strings"
)

// Handshake reports whether a request with the query begins a session, since then
// it is worth collecting what the framework knows about it. In doubt it is.
func Handshake(rawQuery string) bool {
	if !strings.Contains(rawQuery, "sid=") {
		return true
	}
	query, _ := url.ParseQuery(rawQuery)
	return query.Get("sid") == ""
}

// Owns reports whether a URL path is prefix or lies below it.
func Owns(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}
