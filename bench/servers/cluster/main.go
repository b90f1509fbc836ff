// Command cluster is two servers of Kawat's in one process, linked by a backplane, for
// the comparison (bench/README.md). Clients reach the one; what they publish is emitted
// by the other, so that every delivery has crossed from node to node.
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

	"github.com/jackc/pgx/v5/pgxpool"
	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/backplanes/postgres"
	"github.com/kawat-go/kawat/backplanes/redis"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/hosts"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	interval := flag.Duration("ping-interval", 25*time.Second, "time between pings")
	timeout := flag.Duration("ping-timeout", 20*time.Second, "time to wait for a pong")
	plane := flag.String("backplane", "memory", "memory, redis, sharded, streams, postgres, nats or jetstream")
	url := flag.String("url", "", "of the server behind the backplane")
	store := flag.String("nats", "", "be a NATS server instead, which keeps its streams in this folder")
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	if *store != "" {
		err = runNATS(ctx, *addr, *store)
	} else {
		err = run(ctx, *addr, *plane, *url, socketio.Config{PingInterval: *interval, PingTimeout: *timeout, AllowedOrigins: []string{"*"}})
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, plane, url string, cfg socketio.Config) error {
	memory := backplane.NewMemory()
	var servers [2]*socketio.Server
	for i := range servers {
		link, err := open(ctx, plane, url, memory)
		if err != nil {
			return err
		}
		cfg.Backplane = link
		if servers[i], err = socketio.New(cfg); err != nil {
			return err
		}
	}
	near, far := servers[0], servers[1]
	handle(near, far)
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	app, err := hosts.Serve("nethttp", ln, near)
	if err != nil {
		return err
	}
	fmt.Println("listening", ln.Addr())
	select {
	case err = <-app.Failed():
	case <-ctx.Done():
	}
	return errors.Join(err, near.Close(), far.Close())
}

func open(ctx context.Context, plane, url string, memory *backplane.Memory) (backplane.Backplane, error) {
	switch plane {
	case "memory":
		return memory, nil
	case "nats":
		return nats.New(nats.Config{URL: url}), nil
	case "jetstream":
		return nats.JetStream(nats.JetStreamConfig{Config: nats.Config{URL: url}}), nil
	case "postgres":
		pool, err := pgxpool.New(ctx, url)
		return postgres.New(postgres.Config{Pool: pool, CreateTable: true}), err
	}
	options, err := goredis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	c := redis.Config{Client: goredis.NewClient(options)}
	switch plane {
	case "redis":
		return redis.Classic(c), nil
	case "sharded":
		return redis.Sharded(c), nil
	case "streams":
		return redis.Streams(redis.StreamsConfig{Config: c}), nil
	}
	return nil, fmt.Errorf("there is no backplane %q", plane)
}

// handle has clients of one server join rooms there, and the other emit to them.
func handle(near, far *socketio.Server) {
	socketio.OnWithAck(near, "join", func(_ context.Context, s *socketio.Socket, room string) (bool, error) {
		return true, s.Join(room)
	})
	socketio.OnWithAck(near, "publish", func(_ context.Context, _ *socketio.Socket, p publication) (bool, error) {
		for range p.N {
			if err := far.To(p.Room).Emit("message", p.Text); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

type publication struct {
	Room string `json:"room"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

// runNATS is a NATS server until ctx ends.
func runNATS(ctx context.Context, addr, store string) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	addr = ln.Addr().String() // a free port, if any was asked for
	if err := ln.Close(); err != nil {
		return err
	}
	server, err := embedded.Start(embedded.Config{Listen: addr, Dir: store})
	if err != nil {
		return err
	}
	fmt.Println("listening", addr)
	<-ctx.Done()
	server.Close()
	return nil
}
