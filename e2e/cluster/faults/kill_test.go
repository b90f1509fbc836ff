//go:build linux

package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const threeNodes = 3

// A trio is three nodes that are processes.
type trio struct {
	plane  plane
	bus    server
	routes []string
	nodes  [threeNodes]*child
	own    [threeNodes][]string // their sockets
	last   [threeNodes]answer
	stall  time.Duration // the longest of all
}

// One of three nodes is killed, again and again: soon the others know nothing of it any
// more, and it is one of them when it comes back.
func TestNodesThatAreKilled(t *testing.T) {
	t.Parallel()
	for _, p := range planes {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			c := &trio{plane: p}
			if p.start != nil {
				c.bus = p.start(t)
			}
			for range c.nodes {
				c.routes = append(c.routes, freeAddr(t))
			}
			t.Cleanup(func() {
				for _, n := range c.nodes {
					if n != nil {
						n.kill()
					}
				}
			})
			for i := range c.nodes {
				c.start(t, i)
			}
			c.agree(t)
			var gone, back, requests []time.Duration
			for round := range scaled(20) {
				victim := round % threeNodes
				c.nodes[victim].kill()
				c.own[victim] = nil
				gone = append(gone, c.agree(t))
				requests = append(requests, c.longest())
				c.start(t, victim)
				back = append(back, c.agree(t))
			}
			requests = append(requests, c.longest())
			for _, all := range [][]time.Duration{gone, back, requests} {
				slices.Sort(all)
			}
			t.Logf("%s: %d rounds: a killed node is known to be gone after %v, at worst %v; known again after %v, at worst %v; longest request %v, with a timeout of %v; processes had to wait for up to %v",
				t.Name(), len(gone), median(gone), longest(gone), median(back), longest(back), longest(requests), requestTimeout, c.stall)
			// A process that does not run cannot keep to any time.
			if longest(gone) > 10*time.Second+3*c.stall {
				t.Errorf("a node that was killed was among the others for %v", longest(gone))
			}
			if longest(requests) > requestTimeout+max(time.Second, 3*c.stall) {
				t.Errorf("a request with a timeout of %v took %v", requestTimeout, longest(requests))
			}
		})
	}
}

func (c *trio) start(t *testing.T, i int) {
	t.Helper()
	args := nodeArgs{Plane: c.plane.name}
	if c.bus != nil {
		args.Addr = c.bus.Addr()
	} else {
		args.Routes = slices.Concat(c.routes[i:i+1], c.routes[:i], c.routes[i+1:])
	}
	var err error
	if c.nodes[i], err = startChild("node", args); err != nil {
		t.Fatal(err)
	}
	var first answer
	if err := c.nodes[i].call("ask", &first); err != nil {
		t.Fatal(err)
	}
	c.own[i] = first.Own
}

// agree waits until all nodes that live know of each other, and of nobody else. It
// returns how long that took.
func (c *trio) agree(t *testing.T) time.Duration {
	t.Helper()
	var want []string
	for _, own := range c.own {
		want = append(want, own...)
	}
	slices.Sort(want)
	nodes := len(want) / clientsOfChild
	start := time.Now()
	for {
		wrong := ""
		for i, own := range c.own {
			if own == nil {
				continue
			}
			var a answer
			if err := c.nodes[i].call("ask", &a); err != nil {
				t.Fatalf("node %d: %v", i, err)
			}
			c.last[i] = a
			c.stall = max(c.stall, a.Stall)
			slices.Sort(a.IDs)
			if !slices.Equal(a.IDs, want) || a.Count != len(want) || a.Present != len(want) ||
				a.Acks != len(want) || a.Replies != nodes-1 || a.Peers != nodes-1 || a.Errors != "" {
				wrong = fmt.Sprintf("node %d: %+v", i, a)
			}
		}
		if wrong == "" {
			return time.Since(start)
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("%v have passed, but there are %d sockets, %q, and %s", time.Since(start), len(want), want, wrong)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *trio) longest() (d time.Duration) {
	for _, a := range c.last {
		d = max(d, a.Longest)
	}
	return d
}
