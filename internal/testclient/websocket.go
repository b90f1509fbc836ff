package testclient

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The opcodes of WebSocket frames.
const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xa
)

const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ==" // the example of RFC 6455, and its answer
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// mask is what every frame is masked with: a server cannot tell.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// A wsConn is a WebSocket.
type wsConn struct {
	stream

	mu  sync.Mutex // one writes
	out []byte
}

// dialWebSocket makes the opening handshake.
func (c *Client) dialWebSocket(ctx context.Context) (*wsConn, error) {
	conn, err := c.opts.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	w := &wsConn{stream: stream{conn: conn}}
	if err = w.open(c.request("GET", WebSocket, -1)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return w, nil
}

func (w *wsConn) open(request []byte) error {
	request = append(request[:len(request)-2], "Connection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+wsKey+"\r\n\r\n"...)
	if _, err := w.conn.Write(request); err != nil {
		return err
	}
	r, err := w.readHead()
	if err != nil {
		return err
	}
	if r.status != 101 {
		return &StatusError{Status: r.status}
	}
	if got := r.field("sec-websocket-accept"); got != wsAccept {
		return fmt.Errorf("testclient: the server accepts by %q", got)
	}
	return nil
}

// write writes what was queued, in one call.
func (w *wsConn) write(q *queue) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = w.out[:0]
	q.all(func(op byte, data []byte) { w.out = appendFrame(w.out, op, data) })
	_, err := w.conn.Write(w.out)
	return err
}

func (w *wsConn) writeOne(op byte, data string) error {
	var q queue
	q.push(op, []byte(data))
	return w.write(&q)
}

// appendFrame appends a frame as a client sends it.
func appendFrame(dst []byte, op byte, data []byte) []byte {
	n := len(data)
	switch {
	case n < 126:
		dst = append(dst, 0x80|op, 0x80|byte(n))
	case n < 1<<16:
		dst = append(dst, 0x80|op, 0x80|126, byte(n>>8), byte(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|op, 0x80|127), uint64(n))
	}
	dst = append(dst, mask[:]...)
	at := len(dst)
	dst = append(dst, data...)
	for i := range dst[at:] {
		dst[at+i] ^= mask[i&3]
	}
	return dst
}

var errFrame = errors.New("testclient: a frame that is masked, fragmented, compressed or unknown")

// parseFrame splits a frame off what a server has sent. size is 0 while it is not
// there in full.
func parseFrame(b []byte) (op byte, data []byte, size int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, nil
	}
	op = b[0] & 0xf
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 || op == 0 {
		return 0, nil, 0, errFrame
	}
	head, n := 2, uint64(b[1])
	switch {
	case n == 126 && len(b) >= 4:
		head, n = 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case n == 127 && len(b) >= 10:
		head, n = 10, binary.BigEndian.Uint64(b[2:])
	case n >= 126:
		return 0, nil, 0, nil
	}
	if uint64(len(b)-head) < n {
		return 0, nil, 0, nil
	}
	size = head + int(n)
	return op, b[head:size], size, nil
}

// read waits for a frame. Its data is valid until the next read.
func (w *wsConn) read() (op byte, data []byte, err error) {
	for {
		op, data, size, err := parseFrame(w.rest())
		if err != nil {
			return 0, nil, err
		}
		if size > 0 {
			w.use(size)
			return op, data, nil
		}
		if err := w.fill(); err != nil {
			return 0, nil, err
		}
	}
}

// beginWebSocket makes the handshake over a WebSocket, which stays the transport.
func (c *Client) beginWebSocket() error {
	w, err := c.dialWebSocket(c.ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(c.ctx, func() { _ = w.conn.Close() })
	defer stop()
	op, data, err := w.read()
	if err == nil {
		err = c.opened(packetOf(WebSocket, op != opText, data))
	}
	if err != nil {
		_ = w.conn.Close()
		return err
	}
	c.adopt(w)
	return nil
}

// adopt makes a WebSocket the transport.
func (c *Client) adopt(w *wsConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ws, c.paused = w, false
	if c.ended {
		_ = w.conn.Close()
		return
	}
	c.running.Go(func() { c.fail(c.readAll(w)) })
	c.flush()
	c.changed.Broadcast()
}

// readAll handles what the server sends, until the end.
func (c *Client) readAll(w *wsConn) error {
	for {
		op, data, err := w.read()
		if err != nil {
			return fmt.Errorf("a WebSocket: %w", err)
		}
		switch op {
		case opText, opBinary:
			err = c.received(packetOf(WebSocket, op == opBinary, data))
		case opPing:
			c.control(opPong, data)
		case opPong:
		case opClose:
			c.answerClose(w, data)
			err = fmt.Errorf("a WebSocket was closed: %q: %w", bytes.TrimSpace(data), io.EOF)
		default:
			err = errFrame
		}
		if err != nil {
			return err
		}
	}
}

// answerClose answers a close frame, unless that is an answer.
func (c *Client) answerClose(w *wsConn, data []byte) {
	c.mu.Lock()
	closing := c.closing
	c.mu.Unlock()
	if !closing {
		_ = w.writeOne(opClose, string(data[:min(len(data), 2)]))
	}
}

func (c *Client) control(op byte, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.push(op, data)
	c.flush()
}

// goodbye queues what ends the session in order. The caller holds c.mu.
func (c *Client) goodbye() {
	if c.ws != nil {
		c.out.push(opClose, []byte{3, 0xe8})
	} else {
		c.out.push(opText, []byte{'1'})
	}
}
