// Command floor is what a Socket.IO server costs that is none: a bare loop on
// fasthttp/websocket that knows the contract of the comparison (bench/README.md) by
// its bytes. It has WebSocket only, one namespace, and no checks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	s := &server{rooms: map[string][]*conn{}, upgrader: websocket.FastHTTPUpgrader{
		CheckOrigin: func(*fasthttp.RequestCtx) bool { return true },
	}}
	flag.DurationVar(&s.interval, "ping-interval", 25*time.Second, "time between pings")
	flag.DurationVar(&s.timeout, "ping-timeout", 20*time.Second, "time to wait for a pong")
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, *addr); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends; the connections end with the process.
func run(ctx context.Context, s *server, addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- fasthttp.Serve(ln, s.handle) }()
	fmt.Println("listening", ln.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (s *server) handle(ctx *fasthttp.RequestCtx) {
	args := ctx.QueryArgs()
	if string(ctx.Path()) != "/socket.io/" || string(args.Peek("transport")) != "websocket" {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	if err := s.upgrader.Upgrade(ctx, s.serve); err != nil && !errors.As(err, &websocket.HandshakeError{}) {
		log.Print(err)
	}
}
