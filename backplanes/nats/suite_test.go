package nats_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/backplane/backplanetest"
)

// suite runs the common tests over servers: each node is with the next.
func suite(t *testing.T, plane func(c nats.Config) backplane.Backplane, seamOnly bool, servers ...*embedded.Server) {
	var nodes atomic.Int64
	backplanetest.Run(t, backplanetest.Config{
		SeamOnly: seamOnly,
		New: func(_ *testing.T, cluster string) backplane.Backplane {
			c := servers[int(nodes.Add(1))%len(servers)].Config()
			c.Prefix = "test." + cluster
			return plane(c)
		},
	})
}

func TestSuite(t *testing.T) {
	t.Parallel()
	suite(t, nats.New, false, start(t, embedded.Config{}))
}

func TestSuiteSecret(t *testing.T) {
	t.Parallel()
	suite(t, func(c nats.Config) backplane.Backplane {
		c.Secret = "between us"
		return nats.New(c)
	}, true, start(t, embedded.Config{}))
}

func small(c nats.Config) nats.JetStreamConfig {
	return nats.JetStreamConfig{Config: c, MaxBytes: 4 << 20}
}

// patient is small for what must not depend on how much the machine has to do.
func patient(c nats.Config) nats.JetStreamConfig {
	p := small(c)
	p.EchoPatience = time.Minute
	return p
}

func TestSuiteJetStream(t *testing.T) {
	t.Parallel()
	suite(t, func(c nats.Config) backplane.Backplane { return nats.JetStream(patient(c)) }, false,
		start(t, embedded.Config{Dir: t.TempDir()}))
}

func TestDurable(t *testing.T) {
	for name, secret := range map[string]string{"open": "", "secret": "between us"} {
		t.Run(name, func(t *testing.T) {
			server := start(t, embedded.Config{Dir: t.TempDir()})
			var count atomic.Int64
			backplanetest.RunDurable(t, func(*testing.T) backplane.Backplane {
				c := patient(server.Config())
				c.Prefix, c.Secret = fmt.Sprintf("durable%d", count.Add(1)), secret
				c.MaxMessages = 1000
				return nats.JetStream(c)
			}, 1200)
		})
	}
}
