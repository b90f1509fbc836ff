package siotest

import (
	"fmt"

	"github.com/kawat-go/kawat/core/packet"
)

// An Event is an event that the server has sent.
type Event struct {
	Name   string
	Args   packet.Args
	id     int64
	client *Client
}

// Bind decodes the arguments, from the first one on, into the values that dst
// points to.
func (e Event) Bind(dst ...any) error {
	for i, v := range dst {
		if err := e.Args.Bind(i, v); err != nil {
			return fmt.Errorf("siotest: %q: %w", e.Name, err)
		}
	}
	return nil
}

// WantsAck reports whether the server waits for an acknowledgement.
func (e Event) WantsAck() bool { return e.id != packet.NoID }

// Ack acknowledges the event, if the server waits for that.
func (e Event) Ack(args ...any) {
	if e.WantsAck() {
		e.client.send(packet.Outgoing{Type: packet.Ack, ID: e.id, Args: args})
	}
}

// A Refusal is the server's answer to a CONNECT that it refuses.
type Refusal struct {
	Message string
	Data    []byte // as JSON; nil if there is none
}

func (r *Refusal) Error() string { return "CONNECT refused: " + r.Message }

// Emit sends an event.
func (c *Client) Emit(event string, args ...any) {
	c.helper()
	c.send(packet.Outgoing{Type: packet.Event, ID: packet.NoID, Event: event, Args: args})
}

// EmitWithAck sends an event and waits for the server to acknowledge it.
func (c *Client) EmitWithAck(event string, args ...any) packet.Args {
	c.helper()
	c.mu.Lock()
	id, conn := c.nextID, c.conn
	c.nextID++
	c.mu.Unlock()
	c.send(packet.Outgoing{Type: packet.Event, ID: id, Event: event, Args: args})
	var reply packet.Args
	var acked bool
	c.await(fmt.Sprintf("the ack of %q", event), func() bool {
		reply, acked = c.acks[id]
		delete(c.acks, id)
		return acked || conn.closed
	})
	if !acked {
		c.fatalf("siotest: no ack of %q: the connection was closed", event)
	}
	return reply
}

// Call is EmitWithAck for an ack of one value, which is decoded into a T.
func Call[T any](c *Client, event string, args ...any) T {
	c.helper()
	return first[T](c, event, c.EmitWithAck(event, args...))
}

// Expect is [Client.Expect] for an event with one argument, which is decoded into
// a T.
func Expect[T any](c *Client, event string) T {
	c.helper()
	return first[T](c, event, c.Expect(event).Args)
}

func first[T any](c *Client, event string, args packet.Args) (v T) {
	c.helper()
	if err := args.Bind(0, &v); err != nil {
		c.fatalf("siotest: %q: %v", event, err)
	}
	return v
}

// On has an event handled, instead of kept for Expect and Events. The handler is
// called from the goroutine that reads from the server, so it must not wait for
// anything from there.
func (c *Client) On(event string, handler func(e Event)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handlers[event] = handler
}

// Expect waits for the next event of that name and takes it. Other events are kept.
func (c *Client) Expect(event string) (e Event) {
	c.helper()
	found := false
	c.await(fmt.Sprintf("the event %q", event), func() bool {
		for i := range c.events {
			if c.events[i].Name == event {
				e, found = c.events[i], true
				c.events = append(c.events[:i:i], c.events[i+1:]...)
				break
			}
		}
		return found || c.conn.closed
	})
	if !found {
		c.fatalf("siotest: no event %q: the connection was closed", event)
	}
	return e
}

// Events takes all events that have come, without waiting.
func (c *Client) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := c.events
	c.events = nil
	return events
}

// SendRaw sends messages as they are, which arrive together: a string is an
// Engine.IO packet, such as `42["chat","hello"]`, a []byte a binary message.
func (c *Client) SendRaw(messages ...any) {
	c.helper()
	for _, m := range messages {
		switch m.(type) {
		case string, []byte:
		default:
			c.fatalf("siotest: SendRaw of a %T: it takes strings and []byte", m)
		}
	}
	c.transport().send(messages)
}

// NextRaw waits for the server's next message and takes it: a string or a []byte
// as SendRaw takes them, or nil when the connection has ended. Handshake, pings and
// other packets of Engine.IO's own are left out.
func (c *Client) NextRaw() (message any) {
	c.helper()
	c.await("a message", func() bool {
		if len(c.raw) > 0 {
			message, c.raw = c.raw[0], c.raw[1:]
			return true
		}
		return c.conn.closed
	})
	return message
}

// Raw takes all messages that have come and NextRaw has not taken, without
// waiting.
func (c *Client) Raw() []any {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw := c.raw
	c.raw = nil
	return raw
}
