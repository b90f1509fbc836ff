// Command server is the server that package target starts.
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
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/hosts"
	"github.com/kawat-go/kawat/internal/target"
)

func main() {
	raw := flag.String("settings", "{}", "target.Settings as JSON")
	flag.Parse()
	var settings target.Settings
	if err := json.Unmarshal([]byte(*raw), &settings); err != nil {
		fmt.Fprintln(os.Stderr, "settings:", err)
		os.Exit(2)
	}
	if err := run(settings); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until it is told to end.
func run(settings target.Settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	desk, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	bus := &bus{Memory: backplane.NewMemory(), strangers: make(map[string]*stranger)}
	failed, words := make(chan error, 1), []any{"listening", desk.Addr()}
	var first *server
	for i := range max(1, settings.Nodes) {
		s, addr, err := serve(settings, bus)
		if err != nil {
			return err
		}
		go func() { failed <- <-s.app.Failed() }()
		if words = append(words, addr); i == 0 {
			first = s
		} else {
			first.others = append(first.others, s)
		}
	}
	handler := first.control()
	bus.mount(handler)
	control := &http.Server{Handler: handler, ReadHeaderTimeout: target.Patience}
	go func() { _ = control.Serve(desk) }()
	fmt.Println(words...)
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	for _, s := range append(first.others, first) {
		err = errors.Join(err, s.io.Close(), s.packed.Close(), s.engine.Close())
	}
	return err
}

// serve starts one node.
func serve(settings target.Settings, bus backplane.Backplane) (*server, net.Addr, error) {
	s, err := newServer(settings, bus)
	if err != nil {
		return nil, nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	s.app, err = hosts.Serve(settings.Host, ln, s.endpoints()...)
	return s, ln.Addr(), err
}

// endpoints are what the process serves.
func (s *server) endpoints() []engine.Endpoint { return []engine.Endpoint{s.io, s.engine, s.packed} }

// A server is what the process serves.
type server struct {
	io     *socketio.Server
	packed *socketio.Server // in MessagePack
	engine *engine.Server
	app    *hosts.App
	others []*server // the other nodes, of the first
	blocks blocks
	log    journal

	connections, disconnects atomic.Int64
	churns                   sync.WaitGroup
}

func newServer(settings target.Settings, bus backplane.Backplane) (*server, error) {
	s := &server{blocks: blocks{release: make(chan struct{})}}
	cfg, level := settings.Config(), slog.LevelError
	if settings.Debug {
		level = slog.LevelDebug
	}
	cfg.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(os.Stderr, &s.log), &slog.HandlerOptions{Level: level}))
	if settings.Nodes > 0 {
		cfg.Backplane = bus
	}
	var err error
	if s.io, err = socketio.New(cfg); err != nil {
		return nil, err
	}
	s.handle(s.io)
	cfg.Backplane, cfg.ShareSessions = nil, false
	cfg.Codec, cfg.Path = msgpack.Codec(), "/msgpack"
	if s.packed, err = socketio.New(cfg); err != nil {
		return nil, err
	}
	s.handle(s.packed)
	s.engine, err = engine.New(engine.Config{
		PingInterval: cfg.PingInterval, PingTimeout: cfg.PingTimeout, UpgradeTimeout: cfg.UpgradeTimeout,
		MaxPayload: cfg.MaxPayload, PerMessageDeflate: cfg.PerMessageDeflate, AllowEIO3: cfg.AllowEIO3,
		DisableParking: cfg.DisableParking, AllowedOrigins: cfg.AllowedOrigins, CORS: cfg.CORS, Logger: cfg.Logger,
		WriteTimeout: cfg.WriteTimeout, BodyTimeout: cfg.BodyTimeout, CloseTimeout: cfg.CloseTimeout,
	})
	if err != nil {
		return nil, err
	}
	s.engine.OnConnection(func(session *engine.Session) engine.Receiver {
		return engine.Funcs{OnMessage: func(data []byte, binary bool) {
			if binary {
				_ = session.SendBinary(data)
				return
			}
			_ = session.SendText(string(data))
		}}
	})
	return s, nil
}
