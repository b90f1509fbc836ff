package main

import (
	"context"
	"os"

	"github.com/kawat-go/kawat/bench/internal/peers"
	"github.com/kawat-go/kawat/internal/process"
	"github.com/kawat-go/kawat/internal/testservers"
)

// startBus starts the server behind a bus. It shares the generator's core, and what it
// spends is nobody's.
func startBus(ctx context.Context, bus, bin string) (url string, stop func(), err error) {
	switch bus {
	case "redis", "sharded", "streams":
		r, err := testservers.NewRedis()
		if err != nil {
			return "", nil, err
		}
		return "redis://" + r.Addr(), r.Close, nil
	case "postgres":
		p, err := testservers.NewPostgres()
		if err != nil {
			return "", nil, err
		}
		return p.URL(), p.Close, nil
	}
	store, err := os.MkdirTemp("", "kawat-bench-")
	if err != nil {
		return "", nil, err
	}
	server, err := process.Start(ctx, peers.NATS(bin, store))
	if err != nil {
		return "", nil, err
	}
	return "nats://" + server.Addr(), func() {
		_ = server.Stop()
		_ = os.RemoveAll(store)
	}, nil
}
