package nats_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/backplane/backplanetest"
)

// suite runs the common tests over servers: each node of a cluster is with the next.
func suite(t *testing.T, plane func(c nats.Config) backplane.Backplane, servers ...*embedded.Server) {
	var clusters, nodes atomic.Int64
	backplanetest.Run(t, func(*testing.T) backplanetest.Cluster {
		prefix := fmt.Sprintf("test.%d", clusters.Add(1))
		return func(ctx context.Context, h backplane.Host) (backplane.Node, error) {
			c := servers[int(nodes.Add(1))%len(servers)].Config()
			c.Prefix = prefix
			return plane(c).Join(ctx, h)
		}
	})
}

func TestSuite(t *testing.T) {
	suite(t, nats.New, start(t, embedded.Config{}))
}

func TestSuiteSecret(t *testing.T) {
	suite(t, func(c nats.Config) backplane.Backplane {
		c.Secret = "between us"
		return nats.New(c)
	}, start(t, embedded.Config{}))
}

func small(c nats.Config) nats.JetStreamConfig {
	return nats.JetStreamConfig{Config: c, MaxBytes: 8 << 20}
}

func TestSuiteJetStream(t *testing.T) {
	suite(t, func(c nats.Config) backplane.Backplane { return nats.JetStream(small(c)) },
		start(t, embedded.Config{Dir: t.TempDir()}))
}

func TestDurable(t *testing.T) {
	for name, secret := range map[string]string{"open": "", "secret": "between us"} {
		t.Run(name, func(t *testing.T) {
			server := start(t, embedded.Config{Dir: t.TempDir()})
			var count atomic.Int64
			backplanetest.RunDurable(t, func(*testing.T) backplane.Backplane {
				c := small(server.Config())
				c.Prefix, c.Secret = fmt.Sprintf("durable%d", count.Add(1)), secret
				c.MaxMessages = 5000
				return nats.JetStream(c)
			}, 6000)
		})
	}
}
