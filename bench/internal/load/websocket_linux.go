package load

import (
	"bytes"
	"fmt"
)

// The handshake's key and what answers it are RFC 6455's own example: they need
// not be secret here, and so need no computing.
const (
	webSocketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	webSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// dialWebSocket opens the WebSocket, of a session that exists if sid is set.
func (c *Client) dialWebSocket(sid string) error {
	if err := c.Loop.open(&c.ws, c); err != nil {
		return err
	}
	out := append(c.ws.out, "GET /socket.io/?EIO=4&transport=websocket"...)
	if sid != "" {
		out = append(append(out, "&sid="...), sid...)
	}
	out = append(append(out, " HTTP/1.1\r\nHost: "...), c.Loop.host...)
	c.ws.out = append(out, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+
		webSocketKey+"\r\n\r\n"...)
	return nil
}

// accepted reads the answer to the opening handshake. It returns 0 while it is not
// there in full.
func (c *Client) accepted(data []byte) (int, error) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	head := data[:end]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || !bytes.Contains(head, []byte(webSocketAccept)) {
		return 0, fmt.Errorf("load: the server refused the WebSocket: %q", data)
	}
	if c.state == dialled {
		c.state = greeted
	} else {
		c.sendProbe()
	}
	return end + 4, nil
}
