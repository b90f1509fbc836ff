package nats_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/internal/faultproxy"
)

// Where the connection is cut while the streams are waited for, and Join gives up, nothing
// is left behind.
func TestJoinGivesUpWhileCut(t *testing.T) {
	routes := addresses(t, 3) // the other two never come, so there is no JetStream
	w := newWire(t, start(t, embedded.Config{Listen: "127.0.0.1:0", ClusterListen: routes[0], Routes: routes, Dir: t.TempDir()}))
	ctx, cancel := context.WithCancel(t.Context())
	joined := make(chan error, 1)
	go func() {
		plane := nats.JetStream(nats.JetStreamConfig{Config: nats.Config{URL: "nats://" + w.Addr()}})
		_, err := plane.Join(ctx, new(host).host())
		joined <- err
	}()
	eventually(t, "that the streams are waited for", func() bool {
		return inStack("nats.(*stream).find") && !inStack("nats.(*link).connectWriter")
	})
	w.silent.Store(true)
	for _, c := range w.Conns() {
		c.Do(faultproxy.Reset)
	}
	eventually(t, "that it is noticed", func() bool { return inStack("nats.(*node).down") })
	cancel()
	if err := <-joined; err == nil {
		t.Error("it has joined")
	}
	eventually(t, "that nothing waits any more", func() bool { return !inStack("nats.(*node).down") })
}

// inStack reports whether a function is being called, by whichever goroutine.
func inStack(function string) bool {
	stacks := make([]byte, 4<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), function)
}
