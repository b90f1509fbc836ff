package testclient

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"time"
)

// beginPolling makes the handshake, and begins to poll.
func (c *Client) beginPolling() error {
	for _, h := range []*httpConn{&c.get, &c.post} {
		if _, err := h.open(c.ctx); err != nil {
			return err
		}
	}
	body, err := c.get.do(c.ctx, c.request("GET", Polling, -1))
	if err != nil {
		return err
	}
	first, rest, more := bytes.Cut(body, []byte{separator})
	if err := c.opened(packetOf(Polling, false, first)); err != nil {
		return err
	}
	if more {
		if err := c.payload(rest); err != nil {
			return err
		}
	}
	c.running.Go(c.poll)
	return nil
}

const separator = 0x1e // between the packets of a payload

// request returns the head of a request; length is that of a body to come.
func (c *Client) request(method string, t Transport, length int) []byte {
	b := fmt.Appendf(nil, "%s %s?EIO=4&transport=%s", method, c.opts.Path, t)
	if c.ID != "" {
		b = append(append(b, "&sid="...), c.ID...)
	}
	b = fmt.Appendf(b, "%s HTTP/1.1\r\nHost: %s\r\n%s", c.opts.Query, c.opts.Addr, c.opts.Header)
	if length >= 0 {
		b = fmt.Appendf(b, "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n", length)
	}
	return append(b, '\r', '\n')
}

// poll polls until the client has ended or moved.
func (c *Client) poll() {
	request := c.request("GET", Polling, -1)
	for first := true; c.mayPoll(first); first = false {
		body, err := c.get.do(c.ctx, request)
		if err == nil {
			err = c.payload(body)
		}
		if err != nil {
			c.fail(fmt.Errorf("a poll: %w", err))
		}
		c.mu.Lock()
		c.polling = false
		c.changed.Broadcast()
		c.mu.Unlock()
	}
}

// mayPoll waits until the next poll may begin. It reports false if there is none.
func (c *Client) mayPoll(first bool) bool {
	if c.opts.PollPause != nil && !first {
		select {
		case <-time.After(c.opts.PollPause()):
		case <-c.ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.paused && !c.ended && c.ws == nil {
		c.changed.Wait()
	}
	if c.ended || c.closing || c.ws != nil {
		return false
	}
	c.polling = true
	return true
}

// payload handles the packets of a poll's answer.
func (c *Client) payload(body []byte) error {
	for more := true; more; {
		var packet []byte
		packet, body, more = bytes.Cut(body, []byte{separator})
		p := packetOf(Polling, false, packet)
		if p.Type == 'b' {
			p.Type, p.Binary = '4', true
			n, err := base64.StdEncoding.Decode(p.Data, p.Data) // in place: it gets shorter
			if err != nil {
				return fmt.Errorf("testclient: binary in a payload: %w", err)
			}
			p.Data = p.Data[:n]
		}
		if err := c.received(p); err != nil {
			return err
		}
	}
	return nil
}

// packetOf splits a packet. One without a digit has type 0.
func packetOf(via Transport, binary bool, data []byte) Packet {
	if binary {
		return Packet{Via: via, Type: '4', Binary: true, Data: data}
	}
	if len(data) == 0 {
		return Packet{Via: via}
	}
	return Packet{Via: via, Type: data[0], Data: data[1:]}
}

// postAll posts what was queued, in as few bodies as the server takes.
func (c *Client) postAll(q *queue) error {
	var body []byte
	var err error
	q.all(func(op byte, data []byte) {
		size := 1 + len(data)
		if op == opBinary {
			size = 2 + base64.StdEncoding.EncodedLen(len(data))
		}
		if len(body) > 0 && len(body)+size > c.MaxPayload && err == nil {
			err = c.postBody(body)
			body = body[:0]
		}
		if len(body) > 0 {
			body = append(body, separator)
		}
		if op == opBinary {
			body = base64.StdEncoding.AppendEncode(append(body, 'b'), data)
		} else {
			body = append(body, data...)
		}
	})
	if err != nil {
		return err
	}
	return c.postBody(body)
}

func (c *Client) postBody(body []byte) error {
	answer, err := c.post.do(c.ctx, append(c.request("POST", Polling, len(body)), body...))
	if err == nil && string(answer) != "ok" {
		err = fmt.Errorf("testclient: the server answered %.200q", answer)
	}
	if err != nil {
		return fmt.Errorf("a POST: %w", err)
	}
	return nil
}
