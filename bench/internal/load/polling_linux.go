package load

import (
	"bytes"
	"fmt"
	"strconv"
)

// polling is what a client has while it polls: one request hangs on one
// connection, and what it sends is posted on another, one POST after another.
type polling struct {
	sid     []byte
	pollReq []byte // the request that asks for more
	postReq []byte // a POST up to its Content-Length
	body    []byte // what the next POST carries
	posting bool
	polled  bool // a poll hangs
	probe   probe
}

type probe int

const (
	probeNone    probe = iota
	probeDialled       // the WebSocket is being opened
	probeSent
	probePaused // the answer is here, and a poll hangs
	probeDone
)

const separator = 0x1e

func (c *Client) dialPolling() error {
	c.polling = polling{sid: c.polling.sid[:0], pollReq: c.polling.pollReq[:0], postReq: c.polling.postReq[:0], body: c.polling.body[:0]}
	if err := c.Loop.open(&c.get, c); err != nil {
		return err
	}
	out := append(c.get.out, "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: "...)
	c.get.out = append(append(out, c.Loop.host...), "\r\n\r\n"...)
	c.polling.polled = true
	return nil
}

// begin returns the buffer to which a message is added.
func (p *polling) begin() []byte {
	if len(p.body) > 0 {
		return append(p.body, separator)
	}
	return p.body
}

// handshakenPolling makes the requests of the session, opens the second
// connection, and joins.
func (c *Client) handshakenPolling(m []byte) error {
	_, rest, _ := bytes.Cut(m, []byte(`"sid":"`))
	sid, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return fmt.Errorf("load: a handshake without an id: %q", m)
	}
	p := &c.polling
	p.sid = append(p.sid, sid...)
	for _, r := range []struct {
		to     *[]byte
		method string
		end    string
	}{{&p.pollReq, "GET", "\r\n\r\n"}, {&p.postReq, "POST", "\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: "}} {
		out := append(append(*r.to, r.method...), " /socket.io/?EIO=4&transport=polling&sid="...)
		out = append(append(out, sid...), " HTTP/1.1\r\nHost: "...)
		*r.to = append(append(out, c.Loop.host...), r.end...)
	}
	if err := c.Loop.open(&c.post, c); err != nil {
		return err
	}
	c.post.out = c.post.out[:0]
	p.body = append(p.begin(), connect...)
	c.flushPost()
	return nil
}

// flushPost posts what there is, if no POST is on its way.
func (c *Client) flushPost() {
	p := &c.polling
	if p.posting || len(p.body) == 0 {
		return
	}
	p.posting = true
	out := append(c.post.out, p.postReq...)
	out = strconv.AppendInt(out, int64(len(p.body)), 10)
	out = append(out, "\r\n\r\n"...)
	c.post.out = append(out, p.body...)
	p.body = p.body[:0]
	c.Loop.send(&c.post)
}

func (c *Client) poll() {
	c.polling.polled = true
	c.get.out = append(c.get.out, c.polling.pollReq...)
	c.Loop.send(&c.get)
}

func (c *Client) feedPolling(s *sock, data []byte) (int, error) {
	body, used, err := nextResponse(data)
	if used == 0 || err != nil {
		return 0, err
	}
	if used != len(data) {
		return 0, fmt.Errorf("load: more than one response: %q", data)
	}
	if s == &c.post {
		c.polling.posting = false
		c.flushPost()
		return used, nil
	}
	c.polling.polled = false
	for more := true; more; {
		var m []byte
		m, body, more = bytes.Cut(body, []byte{separator})
		if err := c.message(m); err != nil {
			return used, err
		}
		if s.owner == nil {
			return used, nil
		}
	}
	c.afterPoll()
	return used, nil
}

// afterPoll asks for more, unless the session moves to WebSocket.
func (c *Client) afterPoll() {
	switch c.polling.probe {
	case probePaused:
		c.finishProbe()
	case probeNone, probeDialled, probeSent:
		c.poll()
	}
}
