package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/backplanes/redis"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/examples/chat/app"
	goredis "github.com/redis/go-redis/v9"
)

// drainTime is how long a node takes at its end to tell its clients.
const drainTime = 3 * time.Second

// runNode is one node: a chat, linked with the others. It prints where it listens.
func runNode(ctx context.Context, s settings) (err error) {
	link, unlink, err := linked(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlink()) }()
	site, err := app.New(app.Config{Client: s.client, Cluster: link, Run: os.Getenv(runKey)})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, site.Close())
	}
	site.Await(ctx, s.nodes-1)
	fmt.Println(listener.Addr())
	return site.Serve(ctx, listener)
}

// linked returns the backplane, and what ends it.
func linked(s settings) (backplane.Backplane, func() error, error) {
	if s.redis != "" {
		options, err := goredis.ParseURL(s.redis)
		if err != nil {
			return nil, nil, err
		}
		client := goredis.NewClient(options)
		return redis.Classic(redis.Config{Client: client, Prefix: "kawat-chat"}), client.Close, nil
	}
	routes := strings.Split(os.Getenv(routesKey), ",")
	server, err := embedded.Start(embedded.Config{ClusterListen: routes[0], Routes: routes, Secret: os.Getenv(secretKey)})
	if err != nil {
		return nil, nil, err
	}
	return nats.New(server.Config()), func() error { server.Close(); return nil }, nil
}
