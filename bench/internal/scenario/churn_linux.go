package scenario

import (
	"fmt"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
)

// A churn is a number of clients that connect, leave as soon as they have joined
// "/", and connect again.
type churn struct {
	crowd
	transport load.Transport
	began     []time.Duration
	here      int64
}

func churning(n int, t load.Transport) func(*stage) error {
	return func(s *stage) (err error) {
		c := &churn{crowd: crowd{stage: s}, transport: t, began: make([]time.Duration, n)}
		if c.loop, err = load.New(c.Addr, 512); err != nil {
			return err
		}
		c.loop.Nap = c.Nap
		c.clients = make([]load.Client, n)
		for i := range c.clients {
			c.clients[i].ID = i
			c.dial(&c.clients[i])
		}
		return c.measure(func() int64 { return c.here })
	}
}

func (c *churn) dial(client *load.Client) {
	c.began[client.ID] = c.loop.Now()
	c.here++
	if err := c.loop.Dial(client, c.transport, c); err != nil {
		c.loop.Fail(err)
	}
}

// Opened implements load.Handler. The latency is that of a connection.
func (c *churn) Opened(client *load.Client) {
	c.latency.Record(c.loop.Now() - c.began[client.ID])
	client.Leave()
}

// Packet implements load.Handler.
func (c *churn) Packet(client *load.Client, packet []byte) {
	c.unexpected(client, packet, "nothing was due")
}

// Closed implements load.Handler.
func (c *churn) Closed(client *load.Client, err error) {
	c.here--
	c.ops++
	switch {
	case err != nil:
		c.loop.Fail(fmt.Errorf("client %d was closed: %w", client.ID, err))
	case !c.ending:
		c.dial(client)
	}
}
