package siotest

import (
	"errors"

	"github.com/kawat-go/kawat/core/packet"
)

// Reconnect drops the connection, if it is still there, opens another one, and has
// the client join again the namespaces that it was in, as a stock client does after
// a network that failed: if the server had offered to recover the session, the
// client asks for that, with the id of the session and the last offset that it has
// seen. It returns a *[Refusal] for each namespace that refuses, and an error if
// the server refuses the connection.
func (c *Client) Reconnect() error {
	c.helper()
	c.mu.Lock()
	old := c.conn
	c.mu.Unlock()
	old.transport.abort()
	c.await("the end of the connection", func() bool { return old.closed })
	if err := c.open(); err != nil {
		return err
	}
	c.mu.Lock()
	var again []*Client
	for _, other := range c.clients {
		if other.joins {
			again = append(again, other)
		}
	}
	c.mu.Unlock()
	var errs []error
	for _, other := range again {
		errs = append(errs, other.Connect())
	}
	return errors.Join(errs...)
}

// Recovered reports whether the server has recovered the session at the last
// CONNECT: the socket has its id and its rooms again, and the events that it had
// missed come.
func (c *Client) Recovered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recovered
}

// noteOffset takes the last value of an event for its offset, if that is a text, as
// stock clients do: where there are no arguments that is the name. The caller holds
// c.mu.
func (c *Client) noteOffset(p packet.Incoming) {
	if c.pid == "" || p.ID != packet.NoID {
		return
	}
	var last any = p.Event
	if n := p.Args.Len(); n > 0 {
		last, _ = p.Args.Value(n - 1)
	}
	if text, ok := last.(string); ok {
		c.offset = text
	}
}

// authToSend returns the auth payload, with what asks for a recovery in front of
// it. The caller holds c.mu.
func (c *Client) authToSend() (any, error) {
	if c.pid == "" {
		return c.auth, nil
	}
	auth := map[string]any{}
	if c.auth != nil {
		encoded, err := c.opts.Codec.Encode(nil, packet.Outgoing{Type: packet.Connect, ID: packet.NoID, Args: []any{c.auth}})
		if err != nil {
			return nil, err
		}
		p, _, err := c.opts.Codec.NewDecoder(packet.Limits{}).Add(encoded.Head, encoded.Binary)
		if err == nil {
			err = p.Args.Bind(0, &auth)
		}
		if err != nil {
			return nil, err
		}
	}
	for key, value := range map[string]any{"pid": c.pid, "offset": c.offset} {
		if _, own := auth[key]; !own && value != nil {
			auth[key] = value
		}
	}
	return auth, nil
}
