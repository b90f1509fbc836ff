package socketio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing/iotest"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/engine/eio"
	"github.com/kawat-go/kawat/core/packet"
)

// A flavour is how a client of a script speaks.
type flavour byte

const (
	overWebSocket flavour = 1 << iota // from the beginning
	isPolite                          // polls all the time and answers pings
	revision3
	asJSONP
	inBase64
	isDeaf     // answers no close frame
	pipeKind   // and the next: the kind of its WebSockets
	pipeKindHi //
)

func (f flavour) has(g flavour) bool { return f&g != 0 }

func (f flavour) query(transport string) string {
	q := "EIO=4&transport=" + transport
	if f.has(revision3) {
		q = "EIO=3&transport=" + transport
	}
	if f.has(asJSONP) && transport == engine.Polling {
		q += "&j=7"
	}
	if f.has(inBase64) {
		q += "&b64=1"
	}
	return q
}

// A scriptClient is one connection that a script has opened. It does what the
// script says, right or wrong, and checks what the server says.
type scriptClient struct {
	world   *scriptWorld
	flavour flavour
	places  map[string]*place // the client's places in namespaces; they outlive the connection

	mu        sync.Mutex
	sid       string
	pipes     []*scriptPipe
	conn      *scriptPipe // nil while it polls
	candidate *scriptPipe
	cancel    context.CancelFunc // of the polls; nil while none hangs
	polls     int                // that hang
	moving    bool               // a polite client stops to poll, and then moves
	over      bool               // nothing that comes counts any more
	decoder   packet.Decoder
}

// A place is what a client knows of itself in a namespace.
type place struct {
	pid, offset string
	last        map[string]int // the highest number that it has heard, for each event
	forged      bool           // the offset that it has asked for is not the one it has seen
}

func (c *scriptClient) place(namespace string) *place {
	p := c.places[namespace]
	if p == nil {
		p = &place{last: make(map[string]int)}
		c.places[namespace] = p
	}
	return p
}

func (c *scriptClient) request(method, transport, body string) *engine.Request {
	r := &engine.Request{
		Method: method, Path: "/socket.io/", RawQuery: c.flavour.query(transport), Host: "kawat.test",
		RemoteAddr: "192.0.2.1:1234", Header: engine.Header{},
	}
	if sid := c.id(); sid != "" {
		r.RawQuery += "&sid=" + sid
	}
	if method == "POST" {
		r.Body, r.ContentLength = strings.NewReader(body), int64(len(body))
	}
	if transport == engine.WebSocket {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-Websocket-Version", "13")
		r.Header.Set("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	}
	return r
}

func (c *scriptClient) id() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sid
}

// open does the handshake.
func (c *scriptClient) open() {
	if c.flavour.has(overWebSocket) {
		c.conn = c.dial()
		return
	}
	c.replied(c.world.io.Engine().ServePoll(context.Background(), c.request("GET", engine.Polling, "")))
	if c.flavour.has(isPolite) {
		c.poll()
	}
}

// dial opens a WebSocket; nil where it is refused.
func (c *scriptClient) dial() *scriptPipe {
	u, _ := c.world.io.Engine().AcceptUpgrade(context.Background(), c.request("GET", engine.WebSocket, ""))
	if u == nil {
		return nil
	}
	p := newScriptPipe(int(c.flavour/pipeKind)%pipeKinds, c.world.failf, nil)
	p.deaf = c.flavour.has(isDeaf)
	p.take = func(m wireMessage) { c.took(p, m) }
	c.mu.Lock()
	c.pipes = append(c.pipes, p)
	c.mu.Unlock()
	u.Start(p)
	return p
}

// poll lets a poll hang; a polite client's is followed by others.
func (c *scriptClient) poll() {
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	c.cancel = cancel
	c.polls++
	c.mu.Unlock()
	go func() {
		defer cancel()
		for c.replied(c.world.io.Engine().ServePoll(ctx, c.request("GET", engine.Polling, ""))) && c.flavour.has(isPolite) {
		}
		c.mu.Lock()
		c.polls--
		next := c.candidate
		if !c.moving || c.over {
			next = nil
		} else {
			c.conn, c.candidate, c.moving = c.candidate, nil, false
		}
		c.mu.Unlock()
		if next != nil {
			next.send(wireMessage{false, "5"})
		}
	}()
}

// replied reads the answer to a poll, and reports whether the client goes on.
func (c *scriptClient) replied(reply engine.Reply) bool {
	body := reply.Body
	if reply.Status != 200 {
		return false
	}
	if c.flavour.has(asJSONP) {
		script := strings.TrimSuffix(strings.TrimPrefix(string(body), "___eio[7]("), ");")
		var text string
		if err := json.Unmarshal([]byte(script), &text); err != nil {
			c.world.failf("the script %q: %v", body, err)
		}
		body = []byte(text)
	}
	var pings int
	for p, err := range c.payload(body, reply.Header.Get("Content-Type") == "application/octet-stream") {
		if err != nil {
			c.world.failf("the answer to a poll %q: %v", body, err)
			return false
		}
		if p.Type == eio.Close {
			return false
		}
		if p.Type == eio.Ping {
			pings++
		}
		c.packet(p)
	}
	if pings > 0 && c.flavour.has(isPolite) {
		c.post("3")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.over && !c.moving
}

func (c *scriptClient) payload(body []byte, binary bool) iter.Seq2[eio.Packet, error] {
	switch {
	case !c.flavour.has(revision3):
		return eio.Packets(body)
	case binary:
		return eio.BinaryPacketsRev3(body)
	}
	return eio.PacketsRev3(body)
}

// took reads a message of a WebSocket.
func (c *scriptClient) took(from *scriptPipe, m wireMessage) {
	switch {
	case !m.binary && m.data == "2" && c.flavour.has(isPolite):
		from.send(wireMessage{false, "3"})
	case !m.binary && m.data == "6":
		c.world.failf("a noop travels over a WebSocket")
	}
	c.mu.Lock()
	stale := c.candidate == from // then it is the answer to the probe
	c.mu.Unlock()
	if stale {
		if m.binary || m.data != "3probe" {
			c.world.failf("a candidate is told %q", m.data)
		}
		return
	}
	p := eio.Packet{Type: eio.Message, Binary: true, Data: []byte(m.data)}
	var err error
	switch {
	case m.binary && c.flavour.has(revision3):
		p, err = eio.ParseBinaryRev3([]byte(m.data))
	case m.binary:
	case c.flavour.has(revision3):
		p, err = eio.ParseRev3([]byte(m.data))
	default:
		p, err = eio.Parse([]byte(m.data))
	}
	if err != nil {
		c.world.failf("%q comes over a WebSocket: %v", m.data, err)
		return
	}
	c.packet(p)
}

// packet reads what the server says.
func (c *scriptClient) packet(p eio.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	switch p.Type {
	case eio.Open:
		var answer struct{ SID string }
		if err := json.Unmarshal(p.Data, &answer); err != nil || answer.SID == "" || c.sid != "" {
			c.world.failf("the handshake is answered %q: %v", p.Data, err)
		}
		c.sid = answer.SID
	case eio.Message:
		incoming, complete, err := c.decoder.Add(bytes.Clone(p.Data), p.Binary)
		if err != nil {
			c.world.failf("the server sends %q: %v", p.Data, err)
		} else if complete {
			c.world.heard(c.place(incoming.Namespace), incoming)
		}
	}
}

// post sends a body, and reports whether the server has taken it.
func (c *scriptClient) post(body string) bool {
	r := c.request("POST", engine.Polling, body)
	if c.flavour.has(asJSONP) {
		form := "d=" + url.QueryEscape(strings.ReplaceAll(body, `\n`, `\\n`))
		r.Body, r.ContentLength = strings.NewReader(form), int64(len(form))
	}
	return c.world.io.Engine().ServePoll(context.Background(), r).Status == 200
}

// postInPart sends a body that breaks off.
func (c *scriptClient) postInPart(body string) {
	r := c.request("POST", engine.Polling, body)
	r.Body = io.MultiReader(strings.NewReader(body[:len(body)/2]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if c.world.io.Engine().ServePoll(context.Background(), r).Status == 200 {
		c.world.failf("a part of a body is taken")
	}
}

// send sends packets by whatever the client has, together.
func (c *scriptClient) send(packets []wireMessage) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil || !c.flavour.has(overWebSocket) && conn.isOver() {
		c.post(c.body(packets))
		return
	}
	packets = slices.Clone(packets)
	for i, p := range packets {
		if p.binary && c.flavour.has(revision3) {
			packets[i].data = "\x04" + p.data
		}
	}
	conn.send(packets...)
}

// body makes a payload.
func (c *scriptClient) body(packets []wireMessage) string {
	var body []byte
	for _, p := range packets {
		switch {
		case c.flavour.has(revision3) && p.binary:
			body = eio.AppendBase64Rev3(body, []byte(p.data))
		case c.flavour.has(revision3):
			body = eio.AppendTextRev3(body, []byte(p.data))
		case p.binary:
			body = eio.AppendBinary(body, []byte(p.data))
		default:
			body = eio.AppendText(body, []byte(p.data))
		}
	}
	return string(body)
}

// cut ends the connection without a word: nothing that comes counts any more.
func (c *scriptClient) cut() {
	c.mu.Lock()
	c.over = true
	cancel := c.cancel
	c.mu.Unlock()
	c.eachPipe((*scriptPipe).Abort)
	if cancel != nil {
		cancel()
	}
}

// eachPipe calls f for the client's WebSockets.
func (c *scriptClient) eachPipe(f func(*scriptPipe)) {
	c.mu.Lock()
	pipes := slices.Clone(c.pipes)
	c.mu.Unlock()
	for _, p := range pipes {
		f(p)
	}
}
