package siotest

import (
	"bytes"

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
func (l *link) read(conn *connection) {
	for {
		messages, ok := conn.transport.receive()
		for _, m := range messages {
			l.received(conn, m)
		}
		if !ok {
			break
		}
	}
	l.mu.Lock()
	conn.closed = true
	for _, c := range l.clients {
		c.disconnected("transport close")
	}
	l.change()
	l.mu.Unlock()
	conn.transport.wait()
	close(conn.done)
}

// received handles one message.
func (l *link) received(conn *connection, m any) {
	text, isText := m.(string)
	if isText && text[0] != '4' {
		if text == "2" && !l.opts.Silent {
			conn.transport.send([]any{"3"})
		}
		return
	}
	data, _ := m.([]byte)
	if isText {
		data = []byte(text[1:])
	} else {
		m = bytes.Clone(data)
	}
	l.mu.Lock()
	l.raw = append(l.raw, m)
	p, complete, err := conn.decoder.Add(data, !isText)
	var c *Client
	var handler func(Event)
	if err != nil {
		for _, c := range l.clients {
			c.disconnected("parse error")
		}
	} else if complete {
		if c = l.find(p.Namespace); c != nil {
			handler = c.handle(p)
		}
	}
	l.change()
	l.mu.Unlock()
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
			PID string `json:"pid"`
		}
		if p.Args.Bind(0, &answer) == nil {
			c.id, c.reason = answer.SID, ""
			c.recovered = answer.PID != "" && answer.PID == c.pid
			c.pid = answer.PID
		}
	case packet.ConnectError:
		c.refusal = refusalOf(p.Args)
	case packet.Disconnect:
		c.disconnected("io server disconnect")
	case packet.Ack:
		c.acks[p.ID] = p.Args
	case packet.Event:
		c.noteOffset(p)
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

// send sends a packet.
func (c *Client) send(p packet.Outgoing) {
	c.helper()
	p.Namespace = c.namespace
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
	c.transport().send(messages)
}
