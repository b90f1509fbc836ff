// Package peers knows the servers that are compared: how each is built and started,
// and what it can do. They have one contract, which bench/README.md describes.
package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kawat-go/kawat/internal/process"
)

// The peers that every figure is compared with.
const (
	Node  = "node"
	Floor = "floor"
)

// A Peer is a server under test.
type Peer struct {
	// Name is what results and flags call it.
	Name string
	// Title is what reports call it.
	Title string
	// Polling is whether it knows long-polling, and with it the upgrade.
	Polling bool
	// Buses are those by which it can be linked with another of its kind.
	Buses []string

	program string // below bench/servers
	args    []string
}

const (
	nodeServer    = "bench/servers/node"
	clusterServer = "bench/servers/cluster" // a module of its own
)

// All returns the servers that there are, in the order of reports.
func All() []Peer {
	kawat := func(host, title string) Peer {
		return Peer{Name: host, Title: title, Polling: true, program: "kawat", args: []string{"-host", host}}
	}
	all := []Peer{
		kawat("nethttp", "Kawat on net/http"),
		kawat("gin", "Kawat on Gin"),
		kawat("echo", "Kawat on Echo"),
		kawat("fiber", "Kawat on Fiber"),
		{Name: Node, Title: "Node, socket.io 4.8.4", Polling: true, Buses: []string{"redis", "sharded", "streams", "postgres"}},
		{Name: Floor, Title: "bare loop", program: "floor"},
	}
	all[0].Buses = []string{"redis", "sharded", "streams", "postgres", "nats", "jetstream"}
	return all
}

// Find returns the servers with the given names, in the order of reports; all
// servers if there is no name.
func Find(names ...string) (found []Peer, err error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var known []string
	for _, p := range All() {
		if len(names) == 0 || wanted[p.Name] {
			found = append(found, p)
		}
		delete(wanted, p.Name)
		known = append(known, p.Name)
	}
	for name := range wanted {
		err = errors.Join(err, fmt.Errorf("peers: there is no server %q: there are %s", name, strings.Join(known, ", ")))
	}
	return found, err
}

// Root returns the repository's root, which is the working directory or above it.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, nodeServer)); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("peers: %s is not inside Kawat's repository", start)
		}
	}
}

// Build builds the programs of the servers into a folder, and installs what Node's
// needs. What it has to say goes to log.
func Build(ctx context.Context, root, dir string, peers []Peer, log io.Writer) error {
	node, linked, packages := false, false, map[string]bool{}
	for _, p := range peers {
		linked = linked || p.Name != Node && len(p.Buses) > 0
		if p.Name == Node {
			node = true
		} else {
			packages["./bench/servers/"+p.program] = true
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	run := func(name string, args ...string) error {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = root, log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("peers: %s %s: %w", name, strings.Join(args, " "), err)
		}
		return nil
	}
	for path := range packages {
		if err := run("go", "build", "-o", dir+string(filepath.Separator), path); err != nil {
			return err
		}
	}
	if linked {
		if err := run("go", "build", "-C", clusterServer, "-o", dir+string(filepath.Separator), "."); err != nil {
			return err
		}
	}
	if node {
		return run(filepath.Join("scripts", "npm-install"), nodeServer)
	}
	return nil
}

// Spec says how to start a server that has been built, with further flags of the
// contract. On which cores is the caller's to add.
func (p Peer) Spec(root, dir string, args ...string) process.Spec {
	if p.Name == Node {
		server := filepath.Join(root, nodeServer, "server.mjs")
		return process.Spec{Name: p.Name, Path: "node", Args: append([]string{server}, args...)}
	}
	return process.Spec{Name: p.Name, Path: filepath.Join(dir, p.program), Args: append(p.args[:len(p.args):len(p.args)], args...)}
}

// Linked says how to start two servers that are linked by a bus, in one process: see
// [Peer.Spec]. url is of the server behind the bus.
func (p Peer) Linked(root, dir, bus, url string, args ...string) process.Spec {
	args = append([]string{"-backplane", bus, "-url", url}, args...)
	if p.Name == Node {
		server := filepath.Join(root, nodeServer, "cluster.mjs")
		return process.Spec{Name: p.Name, Path: "node", Args: append([]string{server}, args...)}
	}
	return process.Spec{Name: p.Name, Path: filepath.Join(dir, "cluster"), Args: args}
}

// NATS says how to start a NATS server, which keeps its streams in a folder.
func NATS(dir, store string) process.Spec {
	return process.Spec{Name: "nats", Path: filepath.Join(dir, "cluster"), Args: []string{"-nats", store}}
}
