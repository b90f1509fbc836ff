// Command pengenalan is the introduction: a server that hears a message and
// answers everybody.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/nethttp"
)

//go:embed web
var web embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	client := flag.String("client", "examples/chat/node_modules/socket.io-client/dist", "folder with socket.io.min.js")
	flag.Parse()
	if _, err := os.Stat(filepath.Join(*client, "socket.io.min.js")); err != nil {
		log.Fatalf("the Socket.IO client is missing (%v): run `npm ci` in examples/chat, or name its folder with -client", err)
	}
	io, err := newServer()
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Pengenalan: http://" + ln.Addr().String())
	server := &http.Server{Handler: newSite(io, *client), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	<-ctx.Done()
	stop() // a second signal ends it at once
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := errors.Join(io.Shutdown(ctx), server.Shutdown(ctx)); err != nil {
		log.Print(err)
	}
}

// newServer is all there is of Socket.IO here.
func newServer() (*socketio.Server, error) {
	io, err := socketio.New(socketio.Config{})
	if err != nil {
		return nil, err
	}
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		log.Println("connected:", s.ID())
		return nil
	})
	io.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) {
		log.Println("disconnected:", s.ID(), reason)
	})
	socketio.On(io, "pesan", func(_ context.Context, s *socketio.Socket, text string) error {
		log.Println("pesan:", text)
		return io.Emit("pesanBaru", text)
	})
	return io, nil
}

func newSite(io *socketio.Server, client string) http.Handler {
	pages, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(pages))
	mux.Handle("/client/", http.StripPrefix("/client/", http.FileServer(http.Dir(client))))
	nethttp.Mount(mux, io)
	return mux
}
