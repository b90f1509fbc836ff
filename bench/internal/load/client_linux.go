package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A Transport is what a client begins with.
type Transport int

// The transports. Upgrade is a client that begins with polling, and is opened when
// it has moved to WebSocket.
const (
	WebSocket Transport = iota
	Polling
	Upgrade
)

// A Handler is told what happens to clients. What it is given is only valid until
// it returns.
type Handler interface {
	// Opened is called when the client has joined "/".
	Opened(c *Client)
	// Packet is called with each Socket.IO packet but the answer to CONNECT:
	// `42["event"]`, without the 4 that is Engine.IO's.
	Packet(c *Client, packet []byte)
	// Attachment is called with what follows a packet that has placeholders.
	Attachment(c *Client, data []byte)
	// Closed is called once for each client that was dialled; with a nil error if
	// [Client.Leave] was called before.
	Closed(c *Client, err error)
}

// A Client is one Socket.IO client. It may be dialled again when it has been closed.
type Client struct {
	ID   int // the handler's
	Loop *Loop

	handler   Handler
	transport Transport
	state     state
	ws        sock
	get, post sock // of polling
	polling   polling
}

type state int

const (
	idle    state = iota
	dialled       // the answer to the first request is awaited
	greeted       // the WebSocket is open, and the handshake is awaited
	probing       // the answer to the probe is awaited
	joining       // the answer to CONNECT is awaited
	open
	leaving
)

var connect = []byte("40")

// Dial connects c to the loop's server.
func (l *Loop) Dial(c *Client, t Transport, h Handler) error {
	if c.state != idle {
		return fmt.Errorf("load: client %d is in use", c.ID)
	}
	c.Loop, c.handler, c.transport, c.state = l, h, t, dialled
	if t == WebSocket {
		return c.dialWebSocket("")
	}
	return c.dialPolling()
}

// Emit sends an event, without acknowledgement if id is negative. args is what
// stands behind the id: `["event","argument"]`.
func (c *Client) Emit(id int, args []byte) {
	length := len("42") + len(args)
	if id >= 0 {
		length += digits(uint64(id))
	}
	out := c.begin(length)
	out = append(out, "42"...)
	out = appendID(out, id)
	c.finish(append(out, args...))
}

// EmitBinary sends an event with one attachment.
func (c *Client) EmitBinary(id int, args, attachment []byte) {
	length := len("451-") + len(args)
	if id >= 0 {
		length += digits(uint64(id))
	}
	out := append(c.begin(length), "451-"...)
	out = appendID(out, id)
	out = append(out, args...)
	out = appendHeader(out, opBinary, len(attachment))
	c.finish(append(out, attachment...))
}

// Leave disconnects the socket and closes the connection, which is WebSocket: no
// scenario has a client that leaves while it polls.
func (c *Client) Leave() {
	if c.state != open || c.transport == Polling {
		c.Loop.Fail(fmt.Errorf("load: client %d cannot leave", c.ID))
		return
	}
	c.state = leaving
	out := appendFrame(c.ws.out, opText, []byte("41"))
	c.ws.out = appendFrame(out, opClose, []byte{0x03, 0xe8})
	c.Loop.send(&c.ws)
}

func appendID(dst []byte, id int) []byte {
	if id < 0 {
		return dst
	}
	n := digits(uint64(id))
	dst = append(dst, "00000000000000000000"[:n]...)
	PutNumber(dst[len(dst)-n:], uint64(id))
	return dst
}

// begin returns the buffer to which a text message of that length is added.
func (c *Client) begin(length int) []byte {
	if c.transport == Polling {
		return c.polling.begin()
	}
	return appendHeader(c.ws.out, opText, length)
}

// finish sends what has been added to begin's buffer.
func (c *Client) finish(out []byte) {
	if c.transport == Polling {
		c.polling.body = out
		c.flushPost()
		return
	}
	c.ws.out = out
	c.Loop.send(&c.ws)
}

// feed is what a sock calls.
func (c *Client) feed(s *sock, data []byte) (int, error) {
	if s != &c.ws {
		return c.feedPolling(s, data)
	}
	used := 0
	if c.state == dialled || c.polling.probe == probeDialled {
		n, err := c.accepted(data)
		if n == 0 || err != nil {
			return 0, err
		}
		used = n
	}
	for {
		op, payload, n, err := nextFrame(data[used:])
		if n == 0 || err != nil {
			return used, err
		}
		used += n
		if op == opText {
			err = c.message(payload)
		} else {
			err = c.otherFrame(op, payload)
		}
		if err != nil {
			return used, err
		}
		if s.owner == nil {
			return used, nil
		}
	}
}

func (c *Client) otherFrame(op byte, payload []byte) error {
	switch op {
	case opBinary:
		c.handler.Attachment(c, payload)
	case opPing:
		c.ws.out = appendFrame(c.ws.out, opPong, payload)
		c.Loop.send(&c.ws)
	case opClose:
		if c.state == leaving {
			return io.EOF
		}
		return fmt.Errorf("load: the server closed with the frame %q", payload)
	}
	return nil
}

// message handles one message of Engine.IO's.
func (c *Client) message(m []byte) error {
	if len(m) == 0 || len(m) == 1 && m[0] == '4' {
		return errors.New("load: an empty message")
	}
	switch m[0] {
	case '4':
		if c.state == joining {
			return c.joined(m)
		}
		c.handler.Packet(c, m[1:])
	case '2':
		c.Loop.Heartbeats++
		if c.transport == Polling {
			c.finish(append(c.begin(1), '3'))
			return nil
		}
		c.ws.out = append(appendHeader(c.ws.out, opText, 1), '3')
		c.Loop.send(&c.ws)
	case '0':
		return c.handshaken(m)
	case '3':
		return c.probed(m)
	case '1':
		if c.state != leaving {
			return errors.New("load: the server closed the session")
		}
	}
	return nil
}

func (c *Client) handshaken(m []byte) error {
	if c.state != dialled && c.state != greeted {
		return fmt.Errorf("load: a second handshake: %q", m)
	}
	c.state = joining
	if c.transport != WebSocket {
		return c.handshakenPolling(m)
	}
	c.finish(append(c.begin(len(connect)), connect...))
	return nil
}

func (c *Client) joined(m []byte) error {
	if !bytes.HasPrefix(m, connect) {
		return fmt.Errorf("load: the server answered CONNECT with %q", m)
	}
	if c.transport == Upgrade && c.polling.probe == probeNone {
		return c.beginProbe()
	}
	c.state = open
	c.handler.Opened(c)
	return nil
}

// ended is what a sock calls.
func (c *Client) ended(_ *sock, err error) {
	was := c.state
	if was == idle {
		return
	}
	c.state = idle
	for _, s := range []*sock{&c.ws, &c.get, &c.post} {
		c.Loop.drop(s)
	}
	if was == leaving {
		err = nil
	}
	c.handler.Closed(c, err)
}
