// Command chat is a chat with rooms, presence, typing signs and images: what
// most people build first with Socket.IO, in a form that can be kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kawat-go/kawat/examples/chat/app"
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
	site, err := app.New(app.Config{Client: client})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return errors.Join(err, site.Close())
	}
	ready("http://" + listener.Addr().String())
	return site.Serve(ctx, listener)
}
