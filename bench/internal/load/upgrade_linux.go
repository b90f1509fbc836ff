package load

import (
	"bytes"
	"fmt"
)

// beginProbe opens the WebSocket beside the polling that goes on.
func (c *Client) beginProbe() error {
	c.state = probing
	c.polling.probe = probeDialled
	return c.dialWebSocket(string(c.polling.sid))
}

func (c *Client) sendProbe() {
	c.polling.probe = probeSent
	c.ws.out = append(appendHeader(c.ws.out, opText, len("2probe")), "2probe"...)
	c.Loop.send(&c.ws)
}

// probed reads the answer to the probe. As the JavaScript client does, the poll
// that hangs is waited for: the server ends it.
func (c *Client) probed(m []byte) error {
	if c.polling.probe != probeSent || !bytes.Equal(m, []byte("3probe")) {
		return fmt.Errorf("load: an answer to no probe: %q", m)
	}
	c.polling.probe = probePaused
	if !c.polling.polled {
		c.finishProbe()
	}
	return nil
}

// finishProbe moves the session to the WebSocket.
func (c *Client) finishProbe() {
	c.polling.probe = probeDone
	c.ws.out = append(appendHeader(c.ws.out, opText, 1), '5')
	c.Loop.send(&c.ws)
	c.state = open
	c.handler.Opened(c)
}
