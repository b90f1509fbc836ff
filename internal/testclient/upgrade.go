package testclient

import (
	"context"
	"fmt"
)

// A Candidate is a WebSocket by which a client that polls tries to move. Its steps
// are taken by one goroutine, in order: Probe, Pause, Finish. Whatever goes wrong
// before Finish, [Candidate.GiveUp] lets the session go on polling.
type Candidate struct {
	client *Client
	ws     *wsConn
}

// Upgrade moves to WebSocket. After an error the client goes on polling, unless it
// has ended.
func (c *Client) Upgrade(ctx context.Context) error {
	w, err := c.Dial(ctx)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{w.Probe, w.Pause, w.Finish} {
		if err := step(ctx); err != nil {
			w.GiveUp()
			return err
		}
	}
	return nil
}

// Dial opens a WebSocket for the session.
func (c *Client) Dial(ctx context.Context) (*Candidate, error) {
	w, err := c.dialWebSocket(ctx)
	if err != nil {
		return nil, err
	}
	return &Candidate{client: c, ws: w}, nil
}

// until closes the WebSocket when ctx or the client ends, until stop is called.
func (w *Candidate) until(ctx context.Context) (stop func()) {
	end := func() { _ = w.ws.conn.Close() }
	byCaller, byClient := context.AfterFunc(ctx, end), context.AfterFunc(w.client.ctx, end)
	return func() { byCaller(); byClient() }
}

// Probe sends the probe and waits for its answer.
func (w *Candidate) Probe(ctx context.Context) error {
	defer w.until(ctx)()
	if err := w.ws.writeOne(opText, "2probe"); err != nil {
		return err
	}
	op, data, err := w.ws.read()
	if err != nil {
		return err
	}
	if w.client.opts.OnPacket != nil && op != opClose {
		w.client.opts.OnPacket(packetOf(WebSocket, op == opBinary, data))
	}
	if op != opText || string(data) != "3probe" {
		return fmt.Errorf("testclient: the answer to a probe is %q", data)
	}
	return nil
}

// Pause lets the last poll and the last POST run out. What is sent meanwhile waits.
func (w *Candidate) Pause(ctx context.Context) error {
	c := w.client
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = true
	for (c.polling || c.writing) && !c.ended && ctx.Err() == nil {
		c.changed.Wait()
	}
	if c.ended {
		return c.err
	}
	return ctx.Err()
}

// Finish sends the packet that moves the session, and makes the WebSocket the
// client's transport.
func (w *Candidate) Finish(ctx context.Context) error {
	defer w.until(ctx)()
	if err := w.Move(); err != nil {
		return err
	}
	w.client.adopt(w.ws)
	return nil
}

// Move sends that packet alone, for tests in which it does not arrive.
func (w *Candidate) Move() error { return w.ws.writeOne(opText, "5") }

// Wait reads until the server, or what is between, has ended the WebSocket. It
// returns an error if there was a message before that.
func (w *Candidate) Wait(ctx context.Context) error {
	defer w.until(ctx)()
	op, data, err := w.ws.read()
	if err == nil && op != opClose {
		return fmt.Errorf("testclient: a message over a WebSocket that has not taken over: %q", data)
	}
	return ctx.Err()
}

// GiveUp drops the WebSocket; the session goes on polling.
func (w *Candidate) GiveUp() {
	_ = w.ws.conn.Close()
	c := w.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = false
	c.flush()
	c.changed.Broadcast()
}
