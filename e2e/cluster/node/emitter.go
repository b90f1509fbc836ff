package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/postgres"
	"github.com/kawat-go/kawat/backplanes/redis"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/emitter"
	goredis "github.com/redis/go-redis/v9"
)

// runEmitter is a process that is no server, but does what an emitter can.
func runEmitter(name, url, prefix string) error {
	publisher, end, err := publish(name, url, prefix)
	if err != nil {
		return err
	}
	defer end()
	e := emitter.New(publisher, emitter.Config{})
	n := &node{act: func(c command) (any, error) { return nil, act(e, c) }}
	n.say(map[string]any{"url": "none"})
	n.serve()
	return e.Close()
}

func publish(name, url, prefix string) (backplane.Publisher, func(), error) {
	switch name {
	case "postgres":
		pool, err := pgxpool.New(context.Background(), url)
		if err != nil {
			return nil, nil, err
		}
		p, err := postgres.NewEmitter(postgres.Config{Pool: pool, ChannelPrefix: prefix, CreateTable: true})
		return p, pool.Close, err
	case "nats":
		p, err := nats.NewEmitter(nats.Config{URL: url, Prefix: prefix})
		return p, func() {}, err
	case "jetstream":
		p, err := nats.NewJetStreamEmitter(nats.Config{URL: url, Prefix: prefix})
		return p, func() {}, err
	}
	options, err := goredis.ParseURL(url)
	if err != nil {
		return nil, nil, err
	}
	client := goredis.NewClient(options)
	end := func() { _ = client.Close() }
	cfg := redis.Config{Client: client, Prefix: prefix}
	var p backplane.Publisher
	switch name {
	case "redis":
		p, err = redis.NewEmitter(cfg)
	case "sharded":
		p, err = redis.NewShardedEmitter(cfg)
	case "streams":
		p, err = redis.NewStreamsEmitter(redis.StreamsConfig{Config: cfg, StreamName: prefix})
	default:
		err = fmt.Errorf("there is no emitter for %q", name)
	}
	return p, end, err
}

// act does what a command says.
func act(e *emitter.Emitter, c command) error {
	if c.Nsp != "" {
		e = e.Of(c.Nsp)
	}
	b := e.To(c.Rooms...).Except(c.Except...)
	if c.Flags.Volatile {
		b = b.Volatile()
	}
	switch c.Op {
	case "emit":
		return b.Emit(c.Event, fromWire(c.Args).([]any)...)
	case "socketsJoin":
		return b.SocketsJoin(c.Join...)
	case "socketsLeave":
		return b.SocketsLeave(c.Leave...)
	case "disconnectSockets":
		return b.DisconnectSockets(c.Close)
	case "serverSideEmit":
		return e.ServerSideEmit(c.Event, fromWire(c.Args).([]any)...)
	}
	return fmt.Errorf("no command %q", c.Op)
}
