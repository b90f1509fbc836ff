package siotest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"sync"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/engine/eio"
)

// A polling client has a GET that hangs most of the time, and one POST at a time.
type polling struct {
	server *engine.Server
	opts   Options
	sid    string
	ctx    context.Context // of the GETs
	cancel context.CancelFunc

	posting chan struct{} // holds one token: to wait for it is to be idle in a bubble

	mu      sync.Mutex
	resumed chan struct{} // closed unless the client has stalled
	ended   bool
	next    *pipe         // the WebSocket that takes over when the poll ends
	moved   chan struct{} // closed when it has
}

var sidPattern = regexp.MustCompile(`"sid":"([\w-]+)"`)

func openPolling(server *engine.Server, opts Options) (transport, error) {
	reply := server.ServePoll(context.Background(), request(server, opts, "GET", engine.Polling))
	sid := sidPattern.FindSubmatch(reply.Body)
	if reply.Status != 200 || sid == nil {
		return nil, fmt.Errorf("the handshake was refused: %d %s", reply.Status, reply.Body)
	}
	p := &polling{server: server, opts: opts, sid: string(sid[1]), posting: make(chan struct{}, 1), resumed: make(chan struct{}), moved: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	close(p.resumed)
	return p, nil
}

// request makes a request of the handshake's kind.
func request(server *engine.Server, opts Options, method, transport string) *engine.Request {
	query := url.Values{"EIO": {"4"}, "transport": {transport}}
	maps.Copy(query, opts.Query)
	header := engine.Header{}
	maps.Copy(header, opts.Headers)
	return &engine.Request{
		Method: method, Path: server.Path() + "/", RawQuery: query.Encode(),
		Host: "kawat.test", RemoteAddr: "192.0.2.1:1234", Header: header,
		Context: opts.Context, Values: opts.Values,
	}
}

func (p *polling) request(method string) *engine.Request {
	r := request(p.server, p.opts, method, engine.Polling)
	r.RawQuery += "&sid=" + p.sid
	return r
}

func (p *polling) send(messages []any) {
	p.posting <- struct{}{}
	defer func() { <-p.posting }()
	if next := p.successor(); next != nil {
		next.send(messages)
		return
	}
	var body []byte
	for _, m := range messages {
		if text, ok := m.(string); ok {
			body = eio.AppendText(body, []byte(text))
		} else {
			body = eio.AppendBinary(body, m.([]byte))
		}
	}
	r := p.request("POST")
	r.Body, r.ContentLength = bytes.NewReader(body), int64(len(body))
	_ = p.server.ServePoll(context.Background(), r) // the next GET tells of what is wrong
}

func (p *polling) receive() (messages []any, ok bool) {
	p.mu.Lock()
	resumed, ended, next := p.resumed, p.ended, p.next
	p.mu.Unlock()
	if next != nil {
		p.move(next)
		return next.receive()
	}
	select {
	case <-resumed:
	case <-p.ctx.Done():
	}
	if ended {
		return nil, false
	}
	reply := p.server.ServePoll(p.ctx, p.request("GET"))
	if reply.Status != 200 {
		return nil, false
	}
	ok = true
	for m, err := range eio.Packets(reply.Body) {
		switch {
		case err != nil, m.Type == eio.Close:
			return messages, false
		case m.Binary:
			messages = append(messages, m.Data)
		default:
			messages = append(messages, string(m.Type.Digit())+string(m.Data))
		}
	}
	return messages, ok
}

// close tells the server, which ends the poll that hangs.
func (p *polling) close() {
	if next := p.successor(); next != nil {
		next.close()
		return
	}
	p.mu.Lock()
	ended := p.ended
	p.ended = true
	p.mu.Unlock()
	if !ended {
		p.send([]any{"1"})
	}
}

func (p *polling) abort() {
	p.cancel()
	if next := p.candidate(); next != nil {
		next.abort()
	}
}

func (p *polling) stall(stalled bool) {
	if next := p.candidate(); next != nil {
		next.stall(stalled)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.resumed:
		if stalled {
			p.resumed = make(chan struct{})
		}
	default:
		if !stalled {
			close(p.resumed)
		}
	}
}

func (p *polling) unread() int {
	if next := p.successor(); next != nil {
		return next.unread()
	}
	return 0
}

func (p *polling) wait() {
	if next := p.candidate(); next != nil {
		next.wait()
	}
}
