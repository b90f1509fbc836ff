package redis

import (
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/backplane/backplanetest"
)

func TestStreamsDurable(t *testing.T) {
	for name, change := range map[string]func(c *StreamsConfig){
		"one":     func(*StreamsConfig) {},
		"several": func(c *StreamsConfig) { c.StreamCount, c.ShardedPubSub = 3, true },
		"secret":  func(c *StreamsConfig) { c.Secret = "secret" },
	} {
		t.Run(name, func(t *testing.T) {
			backplanetest.RunDurable(t, func(t *testing.T) backplane.Backplane {
				c := streamsConfig(t)
				c.MaxLen = 200
				change(&c)
				return Streams(c)
			}, 1000)
		})
	}
}

func TestStreamsSuite(t *testing.T) {
	for name, change := range map[string]func(c *StreamsConfig){
		"one":     func(*StreamsConfig) {},
		"several": func(c *StreamsConfig) { c.StreamCount, c.ShardedPubSub, c.FixedHash = 2, true, true },
	} {
		t.Run(name, func(t *testing.T) {
			backplanetest.Run(t, backplanetest.Config{
				New: func(t *testing.T, cluster string) backplane.Backplane {
					c := streamsConfig(t)
					c.Prefix = "suite" + cluster
					c.StreamName, c.SessionKeyPrefix = c.Prefix, c.Prefix+":"
					change(&c)
					return Streams(c)
				},
				Cannot:   backplanetest.Cannot{PeerIDs: true, NodeLeft: true},
				SeamOnly: name != "one",
			})
		})
	}
}
