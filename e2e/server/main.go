// Command server offers the contract of the end-to-end suite on every host that
// Kawat has an adapter for. It prints one line of JSON with the hosts' addresses,
// and ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/internal/hosts"
)

func main() {
	only := flag.String("host", "", "the one host to start; all if empty")
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	interval := flag.Int("ping-interval", 25_000, "milliseconds between pings")
	timeout := flag.Int("ping-timeout", 20_000, "milliseconds to wait for a pong")
	window := flag.Int("recovery", 0, "milliseconds in which clients can recover; 0 for not at all")
	codec := flag.String("codec", "json", "how packets are encoded: json or msgpack")
	parking := flag.String("parking", "on", "off gives every WebSocket a goroutine")
	drain := flag.Int("drain", 0, "milliseconds over which clients are moved away at SIGTERM; 0 for not at all")
	client := flag.String("client", "", "folder with the client's files, to be served; none if empty")
	flag.Parse()
	// What clients do wrong is part of the suite, and not worth a line.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))

	cfg := socketio.Config{
		PingInterval: time.Duration(*interval) * time.Millisecond,
		PingTimeout:  time.Duration(*timeout) * time.Millisecond,
	}
	switch *parking {
	case "on":
	case "off":
		cfg.DisableParking = true
	default:
		fmt.Fprintf(os.Stderr, "parking is on or off, not %q\n", *parking)
		os.Exit(2)
	}
	if *window > 0 {
		cfg.ConnectionStateRecovery = &socketio.Recovery{MaxDisconnectionDuration: time.Duration(*window) * time.Millisecond}
	}
	if *client != "" {
		cfg.ClientFiles = os.DirFS(*client)
	}
	if cfg.Codec = codecs[*codec]; cfg.Codec == nil {
		fmt.Fprintf(os.Stderr, "no codec %q\n", *codec)
		os.Exit(2)
	}
	if err := run(*only, *addr, time.Duration(*drain)*time.Millisecond, cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var codecs = map[string]packet.Codec{"json": packet.JSON(), "msgpack": msgpack.Codec()}

func run(only, addr string, drain time.Duration, cfg socketio.Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	urls := map[string]string{}
	var shutdowns []func(context.Context) error
	for _, name := range hosts.Names() {
		if only != "" && only != name {
			continue
		}
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		endpoints, err := newEndpoints(cfg)
		if err != nil {
			return err
		}
		app, err := hosts.Serve(name, ln, endpoints.io, endpoints.engine)
		if err != nil {
			return err
		}
		urls[name] = "http://" + ln.Addr().String()
		if drain > 0 {
			shutdowns = append(shutdowns, func(ctx context.Context) error { return endpoints.io.Drain(ctx, drain) })
		}
		shutdowns = append(shutdowns, endpoints.io.Shutdown, endpoints.engine.Shutdown, app.Shutdown)
	}
	if len(urls) == 0 {
		return fmt.Errorf("no host %q", only)
	}
	if err := json.NewEncoder(os.Stdout).Encode(urls); err != nil {
		return err
	}
	inputEnded := make(chan struct{})
	go func() {
		defer close(inputEnded)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	select {
	case <-inputEnded:
		return nil
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	for _, shutdown := range shutdowns {
		errs = append(errs, shutdown(ctx))
	}
	return errors.Join(errs...)
}
