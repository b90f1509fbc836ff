package rfc6455

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"
)

// agreed is the only extension that is taken for an answer.
const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// farTooLong is a message that no server sends which was sent what is in the table.
const farTooLong = 4 * MaxPayload

// A client is the raw end of a connection. What it reads it checks to the last bit.
type client struct {
	conn    net.Conn
	r       *bufio.Reader
	deflate bool
}

// A reply is a message, a ping, a pong or a close frame.
type reply struct {
	op       byte
	data     string
	squeezed bool
}

func (r reply) String() string {
	name := map[byte]string{opText: "text", opBin: "binary", opPing: "ping", opPong: "pong", opClose: "close frame"}[r.op]
	if r.op == opClose && len(r.data) >= 2 {
		return fmt.Sprintf("close frame %d %q", r.code(), r.data[2:])
	}
	if len(r.data) > 60 {
		return fmt.Sprintf("%s of %d bytes, %q...", name, len(r.data), r.data[:40])
	}
	return fmt.Sprintf("%s %q", name, r.data)
}

// code is a close frame's.
func (r reply) code() int {
	if len(r.data) < 2 {
		return NoStatus
	}
	return int(binary.BigEndian.Uint16([]byte(r.data)))
}

// request is the opening handshake's (section 4.1).
func request(target Target, offer string) (request, key string) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key = base64.StdEncoding.EncodeToString(nonce[:])
	request = "GET " + target.Path + " HTTP/1.1\r\nHost: server.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n"
	if offer != "" {
		request += "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	return request + "\r\n", key
}

// answered reads and checks the answer to it (section 4.2.2).
func (c *client) answered(key string) error {
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return fmt.Errorf("the opening handshake: %w", err)
	}
	digest := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	h := res.Header
	extensions := strings.Join(h.Values("Sec-WebSocket-Extensions"), ", ")
	c.deflate = extensions != ""
	switch {
	case res.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("the opening handshake: %s", res.Status)
	case !strings.EqualFold(h.Get("Upgrade"), "websocket"), !strings.EqualFold(h.Get("Connection"), "upgrade"):
		return fmt.Errorf("the opening handshake: %v", h)
	case h.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(digest[:]):
		return fmt.Errorf("the opening handshake: Sec-WebSocket-Accept is %q", h.Get("Sec-WebSocket-Accept"))
	case c.deflate && extensions != agreed:
		return fmt.Errorf("the opening handshake: extensions %q", extensions)
	}
	return nil
}

// send writes bytes in slices.
func (c *client) send(b []byte, chop int) error {
	if chop == 0 {
		chop = max(1, len(b))
	}
	for len(b) > 0 {
		n := min(chop, len(b))
		if _, err := c.conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// next reads a control frame, or frames until a message is complete, in between
// which no control frame may be: the server that this is for does not fragment
// what it sends, and neither would it have to.
func (c *client) next() (reply, error) {
	var whole reply
	for begun := false; ; begun = true {
		b0, payload, err := c.frame()
		if err != nil {
			return reply{}, err
		}
		op := b0 & 0xf
		switch {
		case begun != (op == opCont):
			return reply{}, fmt.Errorf("a frame with the first byte %#x is out of place", b0)
		case begun && b0&rsv1 != 0:
			return reply{}, fmt.Errorf("RSV1 on a continuation")
		case op&0x8 != 0:
			return control(b0, payload)
		}
		if !begun {
			whole.op, whole.squeezed = op, b0&rsv1 != 0
		}
		whole.data += payload
		if b0&fin != 0 {
			return c.message(whole)
		}
	}
}

// control checks a control frame.
func control(b0 byte, payload string) (reply, error) {
	r := reply{op: b0 & 0xf, data: payload}
	switch {
	case b0&fin == 0:
		return r, fmt.Errorf("a control frame in fragments, first byte %#x", b0)
	case b0&rsv1 != 0:
		return r, fmt.Errorf("RSV1 on a control frame")
	case len(payload) > 125:
		return r, fmt.Errorf("a control frame of %d bytes", len(payload))
	case r.op != opClose || payload == "":
		return r, nil
	case len(payload) == 1:
		return r, fmt.Errorf("a close frame with half a code")
	case !utf8.ValidString(payload[2:]):
		return r, fmt.Errorf("a close frame whose reason is not UTF-8: %q", payload[2:])
	}
	switch code := r.code(); {
	case code < 1000, code == 1004, code == 1005, code == 1006, code > 1014 && code < 3000, code > 4999:
		return r, fmt.Errorf("a close frame with the code %d", code)
	}
	return r, nil
}

// message checks a message that is complete, and inflates it.
func (c *client) message(r reply) (reply, error) {
	if r.squeezed {
		if !c.deflate {
			return r, fmt.Errorf("RSV1, which was not agreed on")
		}
		z := flate.NewReader(strings.NewReader(r.data + "\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
		var out bytes.Buffer
		if _, err := io.Copy(&out, io.LimitReader(z, farTooLong)); err != nil {
			return r, fmt.Errorf("a compressed message: %w", err)
		}
		r.data = out.String()
	}
	if r.op == opText && !utf8.ValidString(r.data) {
		return r, fmt.Errorf("a text that is not UTF-8: %.100q", r.data)
	}
	return r, nil
}

// frame reads one frame and checks what can be wrong with any (section 5.2).
func (c *client) frame() (b0 byte, payload string, err error) {
	var head [8]byte
	if _, err = io.ReadFull(c.r, head[:2]); err != nil {
		return 0, "", err
	}
	b0 = head[0]
	length, least := uint64(head[1]&0x7f), uint64(0)
	switch {
	case b0&(rsv2|rsv3) != 0:
		return b0, "", fmt.Errorf("RSV2 or RSV3, first byte %#x", b0)
	case b0&0xf > opBin && b0&0xf < opClose || b0&0xf > opPong:
		return b0, "", fmt.Errorf("a reserved opcode, first byte %#x", b0)
	case head[1]&maskBit != 0:
		return b0, "", fmt.Errorf("a masked frame")
	case length == length16:
		_, err = io.ReadFull(c.r, head[6:])
		length, least = binary.BigEndian.Uint64(append(make([]byte, 6), head[6:]...)), 126
	case length == length64:
		_, err = io.ReadFull(c.r, head[:])
		length, least = binary.BigEndian.Uint64(head[:]), 1<<16
	}
	switch {
	case err != nil:
		return b0, "", cut(err)
	case length < least:
		return b0, "", fmt.Errorf("a length of %d in too many bits", length)
	case length > farTooLong:
		return b0, "", fmt.Errorf("a frame of %d bytes", length)
	}
	b := make([]byte, length)
	_, err = io.ReadFull(c.r, b)
	return b0, string(b), cut(err)
}

// cut makes an end within a frame another error than one between two.
func cut(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("within a frame: %w", err)
}
