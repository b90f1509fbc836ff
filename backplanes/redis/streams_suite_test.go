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
		"secret":  func(c *StreamsConfig) { c.Secret = []byte("secret") },
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
