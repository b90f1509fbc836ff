package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/postgres"
	"github.com/kawat-go/kawat/backplanes/redis"
	"github.com/kawat-go/kawat/core/backplane"
	goredis "github.com/redis/go-redis/v9"
)

// patience is for the place in the stream: what comes late on a machine that has much to
// do may come twice, and is no error then.
const patience = 10 * time.Second

// open makes the backplane of a name. What it returns is to be called when the server
// has left.
func open(name, url, prefix string) (backplane.Backplane, func(), error) {
	switch name {
	case "redis", "redis-specific", "sharded", "sharded-private", "streams":
		return openRedis(name, url, prefix)
	case "postgres":
		pool, err := pgxpool.New(context.Background(), url)
		if err != nil {
			return nil, nil, err
		}
		return postgres.New(postgres.Config{Pool: pool, ChannelPrefix: prefix, CreateTable: true}), pool.Close, nil
	case "nats":
		return nats.New(nats.Config{URL: url, Prefix: prefix}), func() {}, nil
	case "jetstream":
		return nats.JetStream(nats.JetStreamConfig{Config: nats.Config{URL: url, Prefix: prefix}, EchoPatience: patience}), func() {}, nil
	}
	return nil, nil, fmt.Errorf("there is no backplane %q", name)
}

func openRedis(name, url, prefix string) (backplane.Backplane, func(), error) {
	options, err := goredis.ParseURL(url)
	if err != nil {
		return nil, nil, err
	}
	client := goredis.NewClient(options)
	end := func() { _ = client.Close() }
	cfg := redis.Config{Client: client, Prefix: prefix}
	switch name {
	case "redis-specific":
		cfg.PublishOnSpecificResponseChannel = true
		fallthrough
	case "redis":
		return redis.Classic(cfg), end, nil
	case "sharded-private":
		cfg.SubscriptionMode = redis.DynamicPrivate
		fallthrough
	case "sharded":
		return redis.Sharded(cfg), end, nil
	}
	return redis.Streams(redis.StreamsConfig{Config: cfg, StreamName: prefix, EchoPatience: patience}), end, nil
}
