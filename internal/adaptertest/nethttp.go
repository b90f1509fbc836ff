package adaptertest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

// NetHTTPCulprit is the Host.Culprit of applications that [ServeHTTP] serves.
const NetHTTPCulprit = "*http.timeoutWriter"

// ServeHTTP serves an application of a framework that is a net/http handler.
func ServeHTTP(t *testing.T, ln net.Listener, h http.Handler, app App) func(context.Context) error {
	if app.NoHijack {
		h = http.TimeoutHandler(h, time.Minute, "too late")
	}
	srv := &http.Server{Handler: h, ReadTimeout: app.ConnTimeout, WriteTimeout: app.ConnTimeout, ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() { <-done })
	return srv.Shutdown
}
