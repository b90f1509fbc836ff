package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A recorder is a receiver that remembers, and that complains when its calls are
// not as the engine promises.
type recorder struct {
	t       *testing.T
	session *engine.Session

	mu       sync.Mutex
	messages []message
	flushes  int // how many messages had arrived at the last flush
	flushed  int // how often it was called
	closes   []string
	cause    error
	busy     bool

	onMessage func(m message)
	onFinish  func(context.Context)
}

func (r *recorder) Message(data []byte, isBinary bool) {
	defer r.enter()()
	m := message(data)
	if isBinary {
		m = binary(string(data))
	}
	if r.onMessage != nil {
		r.onMessage(m)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, m)
}

func (r *recorder) Flush() engine.Work {
	defer r.enter()()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushes = len(r.messages)
	r.flushed++
	return nil
}

func (r *recorder) enter() (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy {
		r.t.Error("the receiver is called twice at a time")
	}
	r.busy = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.busy = false
	}
}

func (r *recorder) Finish(ctx context.Context) {
	if r.onFinish != nil {
		r.onFinish(ctx)
	}
}

func (r *recorder) Close(reason engine.Reason, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closes = append(r.closes, string(reason))
	r.cause = cause
	if len(r.closes) > 1 {
		r.t.Errorf("closed %d times: %v", len(r.closes), r.closes)
	}
}

func (r *recorder) got() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// reason returns why the session ended, "" while it lives.
func (r *recorder) reason() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.closes, ",")
}

func (r *recorder) description() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause == nil {
		return ""
	}
	return r.cause.Error()
}

// A host is a server with what it has told its receivers.
type host struct {
	*engine.Server
	t         *testing.T
	recorders sync.Map // by session id
}

// golden is the configuration under which the reference was recorded.
func golden() engine.Config {
	return engine.Config{PingInterval: time.Second, PingTimeout: 500 * time.Millisecond, MaxPayload: 1000}
}

// serve makes a server that records, and checks at the test's end that nothing is
// left of its sessions.
func serve(t *testing.T, cfg engine.Config) *host {
	t.Helper()
	return serveWith(t, cfg, func(*recorder) {})
}

func serveWith(t *testing.T, cfg engine.Config, onConnection func(*recorder)) *host {
	t.Helper()
	h := &host{t: t, Server: newServer(t, cfg)}
	h.OnConnection(func(s *engine.Session) engine.Receiver {
		r := &recorder{t: t, session: s}
		h.recorders.Store(s.ID(), r)
		onConnection(r)
		return r
	})
	return h
}

func newServer(t testing.TB, cfg engine.Config) *engine.Server {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	srv, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = srv.Close()
		var stats engine.Stats
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			if stats = srv.Stats(); stats.Sessions == 0 && stats.QueuedBytes == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("left at the end: %+v", stats)
	})
	return srv
}

func (h *host) recorder(sid string) *recorder {
	r, ok := h.recorders.Load(sid)
	if !ok {
		h.t.Fatalf("no session %q", sid)
	}
	return r.(*recorder)
}

func header(pairs ...string) engine.Header {
	h := engine.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func request(method, query, body string, headers ...string) *engine.Request {
	r := &engine.Request{Method: method, Path: "/engine.io/", RawQuery: query, Host: "kawat.example", RemoteAddr: "192.0.2.1:1234", Header: header(headers...)}
	if method == "POST" {
		r.Body, r.ContentLength = bytes.NewReader([]byte(body)), int64(len(body))
	}
	return r
}

func upgradeRequest(query string, headers ...string) *engine.Request {
	r := request("GET", query, "", headers...)
	r.Header.Set("Connection", "keep-alive, Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	return r
}

// do sends a request that is no upgrade.
func do(srv *engine.Server, method, query, body string, headers ...string) engine.Reply {
	return srv.ServePoll(context.Background(), request(method, query, body, headers...))
}

// A client is a polling client.
type client struct {
	*recorder
	host *host
	sid  string
}

const polling = "EIO=4&transport=polling"

var sidPattern = regexp.MustCompile(`"sid":"([\w-]+)"`)

// connect does a handshake by polling.
func (h *host) connect() *client {
	h.t.Helper()
	reply := do(h.Server, "GET", polling, "")
	sid := sidPattern.FindSubmatch(reply.Body)
	if reply.Status != 200 || sid == nil {
		h.t.Fatalf("handshake: %d %s", reply.Status, reply.Body)
	}
	return &client{recorder: h.recorder(string(sid[1])), host: h, sid: string(sid[1])}
}

func (c *client) query() string { return polling + "&sid=" + c.sid }

func (c *client) post(body string) engine.Reply { return do(c.host.Server, "POST", c.query(), body) }

// poll polls and returns the body, or the status if that is not 200.
func (c *client) poll() string { return body(do(c.host.Server, "GET", c.query(), "")) }

// pollLater polls without waiting for the answer.
func (c *client) pollLater() <-chan string {
	answer := make(chan string, 1)
	go func() { answer <- c.poll() }()
	return answer
}

func body(reply engine.Reply) string {
	if reply.Status != 200 {
		return fmt.Sprint(reply.Status)
	}
	return string(reply.Body)
}

// probe opens a WebSocket that asks to take over, and has it answered.
func (c *client) probe() *pipe {
	p := c.candidate()
	p.send("2probe")
	if got := p.next(); got != "3probe" {
		c.host.t.Fatalf("probe is answered %q", got)
	}
	return p
}

func (c *client) candidate() *pipe {
	c.host.t.Helper()
	p, reply := c.host.dial("EIO=4&transport=websocket&sid=" + c.sid)
	if p == nil {
		c.host.t.Fatalf("upgrade refused: %d %s", reply.Status, reply.Body)
	}
	return p
}

// dial opens a WebSocket; where that is refused it returns the reply.
func (h *host) dial(query string, headers ...string) (*pipe, engine.Reply) {
	return h.dialTo(newPipe(h.t), query, headers...)
}

func (h *host) dialTo(p *pipe, query string, headers ...string) (*pipe, engine.Reply) {
	u, reply := h.AcceptUpgrade(context.Background(), upgradeRequest(query, headers...))
	if u == nil {
		return nil, reply
	}
	u.Start(pipeEnd(p))
	return p, reply
}

const webSocket = "EIO=4&transport=websocket"

// connectWebSocket does a handshake by WebSocket.
func (h *host) connectWebSocket() (*pipe, *recorder) {
	h.t.Helper()
	p, reply := h.dial(webSocket)
	if p == nil {
		h.t.Fatalf("handshake refused: %d %s", reply.Status, reply.Body)
	}
	sid := sidPattern.FindStringSubmatch(string(p.next()))
	return p, h.recorder(sid[1])
}

func wantStatus(t *testing.T, what string, reply engine.Reply, status int, body string) {
	t.Helper()
	if reply.Status != status || string(reply.Body) != body {
		t.Errorf("%s: got %d %q, want %d %q", what, reply.Status, reply.Body, status, body)
	}
}

func wantBody(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func wantMessages(t *testing.T, what string, got []message, want ...message) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
