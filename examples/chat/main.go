// Command chat is a chat with rooms, presence, typing signs and images: what
// most people build first with Socket.IO, in a form that can be kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	client := flag.String("client", defaultClient(), "folder with the client's bundle, socket.io.min.js")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := run(ctx, *addr, *client, func(url string) { fmt.Println("Chat:", url) }); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// defaultClient is where npm puts the bundle, seen from the repository's root or
// from the example's folder.
func defaultClient() string {
	const dist = "node_modules/socket.io-client/dist"
	if _, err := os.Stat("examples/chat/package.json"); err == nil {
		return filepath.Join("examples/chat", dist)
	}
	return dist
}

// run serves the chat until ctx ends, then lets everybody finish. It calls ready
// with the address once it listens.
func run(ctx context.Context, addr, client string, ready func(url string)) error {
	site, err := newSite(client, time.Now)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return errors.Join(err, site.io.Close())
	}
	ready("http://" + listener.Addr().String())
	return site.serve(ctx, listener)
}

// serve serves the site until ctx ends.
func (s *site) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: s.mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go s.chat.expireTyping(ctx)

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
