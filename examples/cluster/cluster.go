package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A cluster keeps the nodes running.
type cluster struct {
	settings
	balancer    *balancer
	secret, run string
	routes      []string
	running     sync.WaitGroup
}

// backAfter is how long a node stays away that has ended.
const backAfter = 5 * time.Second

// start starts the nodes, and waits until all can be reached.
func (c *cluster) start(ctx context.Context) error {
	var err error
	if c.routes, err = freeAddresses(c.nodes); err != nil {
		return err
	}
	ready := make(chan error, c.nodes)
	for i := range c.nodes {
		c.running.Go(func() { c.keep(ctx, i, ready) })
	}
	for range c.nodes {
		if err := <-ready; err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) wait() { c.running.Wait() }

// keep runs a node, and runs it again when it has ended, until ctx does. The first
// time it says whether that has worked.
func (c *cluster) keep(ctx context.Context, i int, ready chan<- error) {
	for first := true; ctx.Err() == nil; first = false {
		err := c.runNode(ctx, i, func() {
			if first {
				ready <- nil
				ready = nil
			}
		})
		if ready != nil {
			ready <- err
			return
		}
		if ctx.Err() != nil {
			return
		}
		fmt.Printf("Node %d has ended: the chat goes on with the others. It is back in %v.\n", i+1, backAfter)
		select {
		case <-ctx.Done():
		case <-time.After(backAfter):
		}
	}
}

// runNode starts a node, and returns when it has ended.
func (c *cluster) runNode(ctx context.Context, i int, ready func()) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-node", strconv.Itoa(i+1), "-nodes", strconv.Itoa(c.nodes), "-client", c.client, "-redis", c.redis)
	others := slices.Concat(c.routes[i:i+1], c.routes[:i], c.routes[i+1:])
	cmd.Env = append(os.Environ(), secretKey+"="+c.secret, runKey+"="+c.run, routesKey+"="+strings.Join(others, ","))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal is this program's to pass on
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("node %d did not start: %w", i+1, cmd.Wait())
	}
	node := &url.URL{Scheme: "http", Host: strings.TrimSpace(line)}
	fmt.Printf("Node %d: process %d, %s\n", i+1, cmd.Process.Pid, node)
	c.balancer.add(node)
	ready()
	err = cmd.Wait()
	c.balancer.remove(node)
	return err
}

// freeAddresses returns addresses on this machine that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
