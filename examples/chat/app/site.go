// Package app is the chat: the page, and what is behind it.
package app

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/nethttp"
)

//go:embed web
var web embed.FS

// A Site is everything that is served: the page, the client's bundle and Socket.IO.
type Site struct {
	io   *socketio.Server
	chat *chat
	mux  *http.ServeMux
}

// A Config says how a chat runs.
type Config struct {
	Client string // folder with the client's bundle
	// Cluster, if it is set, links this chat with others: what they say is said here,
	// too. All of them have the same Run, which no cluster before them had.
	Cluster backplane.Backplane
	Run     string
}

// New makes a chat.
func New(c Config) (*Site, error) {
	io, err := socketio.New(socketio.Config{
		MaxPayload: maxPayload, PingInterval: 10 * time.Second, PingTimeout: 10 * time.Second, ClientFiles: os.DirFS(c.Client),
		Backplane: c.Cluster, ShareSessions: c.Cluster != nil,
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the Socket.IO client is missing: %w\n"+
			"Install it with `make chat` in the repository's root, or with `npm ci` in examples/chat;\n"+
			"or name the folder that has socket.io.min.js with -client", err)
	}
	if err != nil {
		return nil, err
	}
	pages, err := fs.Sub(web, "web")
	if err != nil {
		return nil, err
	}
	s := &Site{io: io, chat: newChat(io, time.Now), mux: http.NewServeMux()}
	if c.Cluster != nil {
		s.chat.replicate(c.Run)
	}
	s.mux.Handle("/", secure(http.FileServerFS(pages)))
	nethttp.Mount(s.mux, io) // with the client's bundle
	return s, nil
}

// Await waits until the chat knows of so many others, for some seconds: before that it
// cannot bring them what is theirs.
func (s *Site) Await(ctx context.Context, others int) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for s.io.Stats().Backplane.Nodes < others && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
}

// Close ends a site that is not served.
func (s *Site) Close() error { return s.io.Close() }

// Serve serves the site until ctx ends.
func (s *Site) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: s.mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go s.chat.expireTyping(ctx)
	go s.chat.keepUp(ctx)

	select {
	case err := <-failed:
		return errors.Join(err, s.io.Close())
	case <-ctx.Done():
	}
	// The sockets first: the HTTP server would wait for a hanging poll, and does
	// not know the WebSockets at all. A page that was closed while it was polling
	// cannot be told any more, which is no failure.
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	err := errors.Join(s.io.Shutdown(ctx), server.Shutdown(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

// secure allows the page its own scripts and styles and nothing else. Images are
// shown from memory, hence blob.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}
