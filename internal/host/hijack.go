package host

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
)

// withoutHijack names the type of the writer that keeps w's connection from being
// taken over, or "". It asks the innermost writer that can be seen: those around
// it may have a Hijack method that fails, or even panics, for want of one there.
func withoutHijack(w http.ResponseWriter) string {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = outer.Unwrap()
	}
	if _, ok := w.(http.Hijacker); ok {
		return ""
	}
	return fmt.Sprintf("%T", w)
}

// A hijackWriter is the ResponseWriter for the opening handshake. It keeps what
// the client sent right behind its request, which belongs to the session.
type hijackWriter struct {
	http.ResponseWriter
	hijacking func()

	ahead []byte
	err   error
}

// Hijack implements [http.Hijacker].
func (w *hijackWriter) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	defer func() { w.err = err }()
	if w.hijacking != nil {
		w.hijacking()
	}
	conn, rw, err = takeOver(w.ResponseWriter)
	if err != nil {
		return nil, nil, err
	}
	w.ahead = make([]byte, rw.Reader.Buffered())
	_, err = io.ReadFull(rw.Reader, w.ahead)
	return conn, rw, err
}

// takeOver hijacks the connection. A framework's writer that finds no Hijacker
// inside may panic, which then is an error.
func takeOver(w http.ResponseWriter) (conn net.Conn, rw *bufio.ReadWriter, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *runtime.TypeAssertionError:
			err = p
		default:
			panic(p)
		}
	}()
	return http.NewResponseController(w).Hijack()
}
