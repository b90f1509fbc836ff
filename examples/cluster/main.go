// Command cluster runs the chat on three nodes behind a proxy that takes turns. Each
// node is a process of its own, with the NATS server that links them inside. Kill one:
// the chat goes on, and the node comes back after a while.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	s := settings{}
	flag.StringVar(&s.addr, "addr", "127.0.0.1:3000", "address that the proxy listens on")
	flag.IntVar(&s.nodes, "nodes", 3, "how many nodes")
	flag.StringVar(&s.redis, "redis", "", "link the nodes by a Redis server instead, such as redis://127.0.0.1:6379")
	flag.StringVar(&s.client, "client", defaultClient(), "folder with the client's bundle, socket.io.min.js")
	node := flag.Int("node", 0, "be this node; the program starts itself with it")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	var err error
	if *node > 0 {
		err = runNode(ctx, s)
	} else {
		err = runCluster(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

type settings struct {
	addr, redis, client string
	nodes               int
}

// What the nodes are told in their environment, where others of the machine's users
// cannot read it.
const (
	secretKey = "KAWAT_CLUSTER_SECRET"
	runKey    = "KAWAT_CLUSTER_RUN"
	routesKey = "KAWAT_CLUSTER_ROUTES" // the nodes' addresses for each other, this node's first
)

// defaultClient is where npm puts the bundle of the chat, seen from the repository's
// root or from the example's folder.
func defaultClient() string {
	const dist = "chat/node_modules/socket.io-client/dist"
	if _, err := os.Stat("examples/chat/package.json"); err == nil {
		return filepath.Join("examples", dist)
	}
	return filepath.Join("..", dist)
}

// runCluster starts the nodes and the proxy, and ends them when ctx does.
func runCluster(ctx context.Context, s settings) error {
	if s.nodes < 1 {
		return errors.New("-nodes must be 1 at least")
	}
	b, err := newBalancer(s.addr)
	if err != nil {
		return err
	}
	c := &cluster{settings: s, balancer: b, secret: rand.Text(), run: rand.Text()}
	if err := c.start(ctx); err != nil {
		return errors.Join(err, b.close())
	}
	fmt.Println("Chat:", "http://"+b.addr())
	err = b.serve(ctx)
	c.wait()
	return err
}
