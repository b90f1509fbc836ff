//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/backplanes/postgres"
	"github.com/kawat-go/kawat/backplanes/redis"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/testservers"
	goredis "github.com/redis/go-redis/v9"
)

// A server is what is behind a backplane.
type server interface {
	Addr() string
	Pause()       // it takes connections, and says nothing
	Resume()      // ends that
	Lose() error  // ends the server, with its data
	Start() error // after that
}

// A plane is a row of the tables: a backplane, and what is behind it.
type plane struct {
	name    string
	durable bool                                                   // it loses nothing
	start   func(t testing.TB) server                              // nil: the servers are in the nodes
	open    func(addr string) (backplane.Backplane, func(), error) // by the server's address
}

var planes = []plane{
	{name: "redis", start: startRedis, open: onRedis(func(c redis.Config) backplane.Backplane { return redis.Classic(c) })},
	{name: "sharded", start: startRedis, open: onRedis(func(c redis.Config) backplane.Backplane { return redis.Sharded(c) })},
	{name: "streams", durable: true, start: startRedis, open: onRedis(func(c redis.Config) backplane.Backplane {
		return redis.Streams(redis.StreamsConfig{Config: c})
	})},
	{name: "postgres", start: func(t testing.TB) server { return testservers.StartPostgres(t) }, open: onPostgres},
	{name: "nats", start: startNATS, open: onNATS(nats.New)},
	{name: "jetstream", durable: true, start: startNATS, open: onNATS(func(c nats.Config) backplane.Backplane {
		return nats.JetStream(nats.JetStreamConfig{Config: c})
	})},
	{name: "embedded"},
}

func planeOf(name string) plane {
	for _, p := range planes {
		if p.name == name {
			return p
		}
	}
	panic("no plane " + name)
}

func startRedis(t testing.TB) server { return testservers.StartRedis(t) }

func onRedis(plane func(redis.Config) backplane.Backplane) func(string) (backplane.Backplane, func(), error) {
	return func(addr string) (backplane.Backplane, func(), error) {
		client := goredis.NewClient(&goredis.Options{Addr: addr})
		return plane(redis.Config{Client: client}), func() { _ = client.Close() }, nil
	}
}

func onPostgres(addr string) (backplane.Backplane, func(), error) {
	pool, err := pgxpool.New(context.Background(), "postgres://postgres@"+addr+"/postgres?sslmode=disable")
	if err != nil {
		return nil, nil, err
	}
	return postgres.New(postgres.Config{Pool: pool, CreateTable: true}), pool.Close, nil
}

func onNATS(plane func(nats.Config) backplane.Backplane) func(string) (backplane.Backplane, func(), error) {
	return func(addr string) (backplane.Backplane, func(), error) {
		return plane(nats.Config{URL: "nats://" + addr}), func() {}, nil
	}
}

// openEmbedded makes a node's own server, which listens for others on routes[0].
func openEmbedded(advertise string, routes []string) (backplane.Backplane, func(), error) {
	s, err := embedded.Start(embedded.Config{ClusterListen: routes[0], Advertise: advertise, Routes: routes[1:]})
	if err != nil {
		return nil, nil, err
	}
	return nats.New(s.Config()), func() { _ = s.Close() }, nil
}

// A natsServer is a NATS server with JetStream, in a process of its own.
type natsServer struct {
	*child
	args natsArgs
}

type natsArgs struct{ Addr, Dir string }

func startNATS(t testing.TB) server {
	t.Helper()
	s := &natsServer{args: natsArgs{freeAddr(t), t.TempDir()}}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill() })
	return s
}

func (s *natsServer) Addr() string { return s.args.Addr }
func (s *natsServer) Pause()       { s.signal(syscall.SIGSTOP) }
func (s *natsServer) Resume()      { s.signal(syscall.SIGCONT) }

func (s *natsServer) Lose() error {
	s.kill()
	return os.RemoveAll(s.args.Dir)
}

func (s *natsServer) Start() (err error) {
	s.child, err = startChild("natsd", s.args)
	return err
}

// runNATS is that process.
func runNATS(text string) error {
	var args natsArgs
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		return err
	}
	s, err := embedded.Start(embedded.Config{Listen: args.Addr, Dir: args.Dir})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return s.Close()
}
