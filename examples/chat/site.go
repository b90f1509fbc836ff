package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/nethttp"
)

//go:embed web
var web embed.FS

// A site is everything that is served: the page, the client's bundle and Socket.IO.
type site struct {
	io   *socketio.Server
	chat *chat
	mux  *http.ServeMux
}

func newSite(client string, now func() time.Time) (*site, error) {
	io, err := socketio.New(socketio.Config{
		MaxPayload: maxPayload, PingInterval: 10 * time.Second, PingTimeout: 10 * time.Second, ClientFiles: os.DirFS(client),
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
	s := &site{io: io, chat: newChat(io, now), mux: http.NewServeMux()}
	s.mux.Handle("/", secure(http.FileServerFS(pages)))
	nethttp.Mount(s.mux, io) // with the client's bundle
	return s, nil
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
