// Command kawat offers the contract of the comparison (bench/README.md) on one of
// the hosts that Kawat has an adapter for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/internal/hosts"
)

func main() {
	host := flag.String("host", "nethttp", "what it runs in: nethttp, gin, echo or fiber")
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	interval := flag.Duration("ping-interval", 25*time.Second, "time between pings")
	timeout := flag.Duration("ping-timeout", 20*time.Second, "time to wait for a pong")
	profile := flag.String("cpuprofile", "", "file for a CPU profile of the whole run; none if empty")
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	endProfile, err := startProfile(*profile)
	if err != nil {
		log.Fatal(err)
	}
	err = run(ctx, *host, *addr, socketio.Config{PingInterval: *interval, PingTimeout: *timeout, AllowedOrigins: []string{"*"}})
	if err = errors.Join(err, endProfile()); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends. Then it drops everybody: the next round waits.
func run(ctx context.Context, host, addr string, cfg socketio.Config) error {
	io, err := socketio.New(cfg)
	if err != nil {
		return err
	}
	handle(io)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	app, err := hosts.Serve(host, ln, io)
	if err != nil {
		return err
	}
	fmt.Println("listening", ln.Addr())
	select {
	case err = <-app.Failed():
	case <-ctx.Done():
	}
	return errors.Join(err, io.Close())
}

func startProfile(path string) (end func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	end = func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}
	return end, pprof.StartCPUProfile(file)
}
