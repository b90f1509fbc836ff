package siotest

import (
	"bytes"
	"time"

	"github.com/kawat-go/kawat/core/packet"
)

// A transport carries Engine.IO packets: a string for a text packet, a []byte for
// a binary message.
type transport interface {
	send(messages []any)
	receive() (messages []any, ok bool) // not ok at the end
	close()
	abort()
	stall(stalled bool)
	unread() int
	wait() // until the server is through
}

// read handles what the server sends until the connection ends.
func (c *Client) read() {
	for {
		messages, ok := c.transport.receive()
		for _, m := range messages {
			c.received(m)
		}
		if !ok {
			break
		}
	}
	c.mu.Lock()
	c.closed = true
	c.disconnected("transport close")
	c.change()
	c.mu.Unlock()
	c.transport.wait()
	close(c.done)
}

// received handles one message.
func (c *Client) received(m any) {
	text, isText := m.(string)
	if isText && text[0] != '4' {
		if text == "2" && !c.opts.Silent {
			c.transport.send([]any{"3"})
		}
		return
	}
	data, _ := m.([]byte)
	if isText {
		data = []byte(text[1:])
	} else {
		m = bytes.Clone(data)
	}
	c.mu.Lock()
	c.raw = append(c.raw, m)
	p, complete, err := c.decoder.Add(data, !isText)
	var handler func(Event)
	switch {
	case err != nil:
		c.disconnected("parse error")
	case complete && p.Namespace == c.opts.Namespace:
		handler = c.handle(p)
	}
	c.change()
	c.mu.Unlock()
	if handler != nil {
		handler(c.event(p))
	}
}

// handle handles a packet, or returns the handler that has to. The caller holds
// c.mu.
func (c *Client) handle(p packet.Incoming) func(Event) {
	switch p.Type {
	case packet.Connect:
		var answer struct {
			SID string `json:"sid"`
		}
		if p.Args.Bind(0, &answer) == nil {
			c.id, c.reason = answer.SID, ""
		}
	case packet.ConnectError:
		c.refusal = refusalOf(p.Args)
	case packet.Disconnect:
		c.disconnected("io server disconnect")
	case packet.Ack:
		c.acks[p.ID] = p.Args
	case packet.Event:
		if h := c.handlers[p.Event]; h != nil {
			return h
		}
		c.events = append(c.events, c.event(p))
	}
	return nil
}

func (c *Client) event(p packet.Incoming) Event {
	return Event{Name: p.Event, Args: p.Args, id: p.ID, client: c}
}

func refusalOf(args packet.Args) *Refusal {
	var answer struct {
		Message string     `json:"message"`
		Data    rawMessage `json:"data"`
	}
	if err := args.Bind(0, &answer); err != nil {
		return &Refusal{Message: err.Error()}
	}
	return &Refusal{Message: answer.Message, Data: answer.Data}
}

// A rawMessage keeps JSON as it is.
type rawMessage []byte

// UnmarshalJSON implements json.Unmarshaler.
func (m *rawMessage) UnmarshalJSON(data []byte) error {
	*m = bytes.Clone(data)
	return nil
}

// disconnected notes why the socket is no longer connected; the first reason
// counts. The caller holds c.mu.
func (c *Client) disconnected(reason string) {
	if c.reason == "" {
		c.reason = reason
	}
	c.change()
}

// change wakes those who wait for a change. The caller holds c.mu.
func (c *Client) change() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until there holds, which is asked with c.mu held, or fails the test.
func (c *Client) await(what string, there func() bool) {
	c.helper()
	timeout := time.NewTimer(c.opts.Timeout)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		done, changed := there(), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			c.fatalf("siotest: %s did not come in %v", what, c.opts.Timeout)
			return
		}
	}
}

// send sends a packet.
func (c *Client) send(p *packet.Outgoing) {
	c.helper()
	p.Namespace = c.opts.Namespace
	encoded, err := c.opts.Codec.Encode(nil, p)
	if err != nil {
		c.fatalf("siotest: %v", err)
		return
	}
	messages := []any{"4" + string(encoded.Head)}
	if encoded.Binary {
		messages[0] = encoded.Head
	}
	for _, data := range encoded.Attachments {
		messages = append(messages, bytes.Clone(data))
	}
	c.transport.send(messages)
}
