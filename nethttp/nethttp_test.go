package nethttp_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/internal/adaptertest"
	"github.com/kawat-go/kawat/nethttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Host{
		Serve:        serve,
		Culprit:      adaptertest.NetHTTPCulprit,
		TimeoutHides: true,
	})
}

func serve(t *testing.T, ln net.Listener, app adaptertest.App) func(context.Context) error {
	path := app.Endpoint.Engine().Path()
	routes := http.NewServeMux()
	routes.HandleFunc("GET /hello", text("hello"))
	routes.HandleFunc("GET "+path+"x", text("neighbour"))
	options := []nethttp.Option{nethttp.Values(values), nethttp.WithContext(withUser(app))}

	var h http.Handler = routes
	switch app.Place {
	case adaptertest.Root:
		nethttp.Mount(routes, app.Endpoint, options...)
	case adaptertest.Group:
		nethttp.Mount(routes, app.Endpoint, options...)
		h = auth(http.StripPrefix(app.Place.Prefix(), routes))
	case adaptertest.InMiddleware:
		h = nethttp.Middleware(app.Endpoint, options...)(routes)
	}
	for _, m := range middlewares(app) {
		h = m(h)
	}
	return adaptertest.ServeHTTP(t, ln, h, app)
}

// userKey is where the middleware leaves the user.
type userKey struct{}

func values(r *http.Request) map[string]any {
	return map[string]any{adaptertest.UserKey: r.Context().Value(userKey{})}
}

func withUser(app adaptertest.App) func(*http.Request) context.Context {
	return func(r *http.Request) context.Context {
		app.Meddled()
		return context.WithValue(r.Context(), adaptertest.ContextKey{}, r.Context().Value(userKey{}))
	}
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
}

func auth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := r.Header.Get(adaptertest.UserHeader)
		if user == "" && r.Method != http.MethodOptions {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
		r.Header.Set(adaptertest.UserHeader, "changed") // the session has its own
	})
}

// middlewares are in the style of the usual ones, innermost first.
func middlewares(app adaptertest.App) (list []func(http.Handler) http.Handler) {
	if app.Gzip {
		list = append(list, compress)
	}
	if app.CORS {
		list = append(list, cors)
	}
	if app.Logger || app.Recovery {
		list = append(list, wrap)
	}
	if app.Timeout > 0 {
		list = append(list, func(h http.Handler) http.Handler { return http.TimeoutHandler(h, app.Timeout, "too late") })
	}
	return list
}

// wrap brings a writer like a logger's, and a recover.
func wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(&statusWriter{ResponseWriter: w}, r)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		if r.Header.Get("Origin") == adaptertest.Origin {
			h.Set("Access-Control-Allow-Origin", adaptertest.Origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Allow-Headers", "x-user")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// compress compresses everything, whether it is compressed already or not.
func compress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			next.ServeHTTP(w, r)
			return
		}
		z := &gzipWriter{ResponseWriter: w}
		next.ServeHTTP(z, r)
		if z.z != nil {
			_ = z.z.Close()
		}
	})
}

type gzipWriter struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (w *gzipWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

func (w *gzipWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *gzipWriter) WriteHeader(status int) {
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Encoding", "gzip")
	w.ResponseWriter.WriteHeader(status)
	w.z = gzip.NewWriter(w.ResponseWriter)
}

func (w *gzipWriter) Write(p []byte) (int, error) { return w.z.Write(p) }
