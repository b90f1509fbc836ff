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
	if strings.IndexByte(rawQuery, '%') >= 0 || strings.IndexByte(rawQuery, ';') >= 0 { // something has to be unescaped
		query, _ := url.ParseQuery(rawQuery)
		return query.Get("sid") == ""
	}
	for rest := rawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if id, ok := strings.CutPrefix(pair, "sid="); ok {
			return id == ""
		}
	}
	return true
}

// Owns reports whether a URL path is prefix or lies below it.
func Owns(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}
