package host

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// Write sends the reply.
func Write(w http.ResponseWriter, reply engine.Reply) {
	merge(w.Header(), http.Header(reply.Header))
	if reply.Status != http.StatusNoContent && reply.Status != http.StatusNotModified {
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(reply.Body))}
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // even if empty: frameworks write the status only then
}

// Piece is how much of a reply to a poll a client has WriteTimeout for. One that is
// slow, but takes that much, is not cut.
const Piece = 64 << 10

// pieces writes with a deadline for each piece.
type pieces struct {
	http.ResponseWriter
	timeout time.Duration
}

// Write implements io.Writer.
func (p pieces) Write(b []byte) (written int, err error) {
	rc := http.NewResponseController(p.ResponseWriter)
	for {
		_ = rc.SetWriteDeadline(time.Now().Add(p.timeout))
		n, err := p.ResponseWriter.Write(b[written:min(written+Piece, len(b))])
		written += n
		if err != nil || written == len(b) {
			return written, err
		}
	}
}

// merge sets the reply's header fields beside those that middlewares have set.
// It adds to none but Vary: a browser rejects CORS fields that are there twice.
func merge(header, reply http.Header) {
	answered := header.Get(allowOrigin) != ""
	for key, values := range reply {
		switch {
		case answered && IsCORS(key):
		case key == "Vary":
			for _, v := range values {
				if !varies(header, v) {
					header.Add(key, v)
				}
			}
		default:
			header[key] = values
		}
	}
}

const allowOrigin = "Access-Control-Allow-Origin"

// IsCORS reports whether a field of a reply is CORS's. Where a middleware has
// answered for the origin, its answer stands.
func IsCORS(key string) bool { return strings.HasPrefix(key, "Access-Control-") }

// varies reports whether the response is marked as depending on the field already.
func varies(header http.Header, field string) bool {
	return slices.ContainsFunc(header.Values("Vary"), func(list string) bool { return hasToken(list, field) })
}

// hasToken reports whether a comma-separated list has the token, whatever its case.
func hasToken(list, token string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(t), token) {
			return true
		}
	}
	return false
}
