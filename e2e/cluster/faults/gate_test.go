//go:build linux

package faults

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/faultproxy"
)

// A gate is what is between a node and the bus.
type gate struct {
	proxy *faultproxy.Proxy
	state atomic.Int32
}

// The states of a gate.
const (
	passing int32 = iota
	cut           // what comes is reset
	silent        // what comes is taken, and nothing passes
)

func newGate(t testing.TB, target string) *gate {
	t.Helper()
	g := new(gate)
	var err error
	if g.proxy, err = faultproxy.Start(target, faultproxy.Options{Plan: func(int) faultproxy.Plan {
		return faultproxy.Plan{Up: faultproxy.Way{Then: actions[g.state.Load()]}}
	}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.proxy.Close)
	return g
}

var actions = map[int32]faultproxy.Action{passing: faultproxy.None, cut: faultproxy.Reset, silent: faultproxy.Vanish}

// set changes the state, also for the connections that are there.
func (g *gate) set(state int32) {
	g.state.Store(state)
	for _, c := range g.proxy.Conns() {
		c.Set(faultproxy.Plan{Up: faultproxy.Way{Then: actions[state]}})
	}
}

// flap opens and shuts gates, each at moments of its own, for a while.
func flap(gates []*gate, d time.Duration) {
	end := time.Now().Add(d)
	var all sync.WaitGroup
	for i, g := range gates {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 6)) // the same each time
			for state := cut; time.Now().Before(end); state = cut - state {
				g.set(state)
				time.Sleep(50*time.Millisecond + time.Duration(random.Int64N(int64(450*time.Millisecond))))
			}
			g.set(passing)
		})
	}
	all.Wait()
}
