package engine

import (
	"net/textproto"
	"strconv"
	"strings"
)

// of writes the cookie that holds a session's id.
func (c *Cookie) of(id string, r *Request) string {
	var b strings.Builder
	b.WriteString(c.Name + "=" + id + "; Path=" + c.Path)
	if c.Domain != "" {
		b.WriteString("; Domain=" + c.Domain)
	}
	if c.MaxAge > 0 {
		b.WriteString("; Max-Age=" + strconv.Itoa(int(c.MaxAge.Seconds())))
	}
	b.WriteString("; HttpOnly")
	if r.Secure || c.Secure {
		b.WriteString("; Secure")
	}
	b.WriteString("; SameSite=" + textproto.CanonicalMIMEHeaderKey(c.SameSite))
	return b.String()
}
