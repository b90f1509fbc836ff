package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
)

// A world is some nodes.
type world struct {
	t      *testing.T
	memory *backplane.Memory
	nodes  []*node
	lose   func(m []byte) bool // whether a message between them is lost; nil: none is
	mu     sync.Mutex
	seen   int   // messages between them
	fails  error // what sending one fails with
}

type node struct {
	world *world
	srv   *engine.Server
	relay *Relay
	bus   backplane.Node

	mu       sync.Mutex
	sessions []*engine.Session
	messages []string // that clients have sent
	closed   []string // how their sessions have ended
	failed   []error
	ignored  int
	receive  func(s *engine.Session, data []byte, binary bool) // nil: messages are noted
}

// inWorld runs a test in a bubble with some nodes.
func inWorld(t *testing.T, nodes int, change func(*engine.Config, *Config), f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, memory: backplane.NewMemory()}
		for range nodes {
			w.add(change)
		}
		defer func() {
			for _, n := range w.nodes {
				n.end()
			}
		}()
		f(t, w)
	})
}

// sent returns how many messages nodes have sent each other.
func (w *world) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// losing has messages lost of which lose says so.
func (w *world) losing(lose func(m []byte) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = lose
}

func (w *world) add(change func(*engine.Config, *Config)) *node {
	n := &node{world: w}
	cfg := engine.Config{Logger: slog.New(slog.DiscardHandler)}
	rc := Config{MaxStreams: 1000, MaxBytes: 64 << 20}
	if change != nil {
		change(&cfg, &rc)
	}
	srv, err := engine.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	n.srv = srv
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.sessions = append(n.sessions, s)
		return engine.Funcs{OnMessage: func(data []byte, binary bool) { n.message(s, data, binary) }, OnClose: func(reason engine.Reason, cause error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.closed = append(n.closed, fmt.Sprintf("%s: %v", reason, cause))
		}}
	})
	if n.bus, err = w.memory.Join(context.Background(), backplane.Host{
		Receive: func(backplane.Message) {}, Observe: func(backplane.Event) {},
		Relay: func(from string, data []byte) { n.relay.Take(from, data[Room:]) },
		Left:  func(node string) { n.relay.Left(node) },
	}); err != nil {
		w.t.Fatal(err)
	}
	rc.Node, rc.Nodes, rc.Server = n.bus.ID(), n.bus.Nodes, srv
	rc.Post = func(to string, m []byte) error {
		w.mu.Lock()
		w.seen++
		lost, fails := w.lose != nil && w.lose(m[Room:]), w.fails
		w.mu.Unlock()
		if fails != nil {
			return fails
		}
		if lost {
			return nil
		}
		return n.bus.Relay(to, m)
	}
	rc.Failed = func(_ string, err error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.failed = append(n.failed, err)
	}
	rc.Ignored = func() { n.mu.Lock(); defer n.mu.Unlock(); n.ignored++ }
	if n.relay, err = New(rc); err != nil {
		w.t.Fatal(err)
	}
	srv.Route(n.relay)
	w.nodes = append(w.nodes, n)
	return n
}

func (n *node) message(s *engine.Session, data []byte, binary bool) {
	n.mu.Lock()
	receive := n.receive
	if receive == nil {
		n.messages = append(n.messages, string(data))
	}
	n.mu.Unlock()
	if receive != nil {
		receive(s, data, binary)
	}
}

// end shuts the node down without a word to clients.
func (n *node) end() {
	_ = n.srv.Close()
	n.relay.Close()
	_ = n.bus.Close()
	synctest.Wait()
}

// die is how a node goes that is killed: nobody hears of it but by its absence.
func (n *node) die() {
	_ = n.bus.Close()
	n.relay.Close()
	synctest.Wait()
}

func (n *node) session() *engine.Session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessions[len(n.sessions)-1]
}

func (n *node) heard() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.messages)
}

func (n *node) endings() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.closed)
}

func (n *node) failures() []error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.failed)
}

// do makes a request, with a query of which EIO=4 and the transport are given.
func (n *node) do(ctx context.Context, method, query string, body io.Reader, length int) engine.Reply {
	r := &engine.Request{
		Method: method, Path: "/engine.io/", RawQuery: "EIO=4&transport=polling" + query, Host: "kawat.test",
		RemoteAddr: "192.0.2.1:1234", Header: engine.Header{}, Body: body, ContentLength: int64(length),
	}
	if conn, ok := body.(net.Conn); ok {
		r.SetReadDeadline = conn.SetReadDeadline
		defer conn.Close()
	}
	return n.srv.ServePoll(ctx, r)
}

var sidPattern = regexp.MustCompile(`"sid":"([\w-]+)"`)

// open makes a session.
func (n *node) open() (sid string) {
	r := n.do(context.Background(), "GET", "", nil, 0)
	m := sidPattern.FindSubmatch(r.Body)
	if r.Status != 200 || m == nil {
		n.world.t.Fatalf("a handshake: %d %s", r.Status, r.Body)
	}
	return string(m[1])
}

func (n *node) get(sid string) engine.Reply {
	return n.do(context.Background(), "GET", "&sid="+sid, nil, 0)
}

func (n *node) post(sid, body string) engine.Reply {
	return n.do(context.Background(), "POST", "&sid="+sid, strings.NewReader(body), len(body))
}

// later runs a request beside, and returns a function that waits for its reply.
func later(f func() engine.Reply) func() engine.Reply {
	done := make(chan engine.Reply, 1)
	go func() { done <- f() }()
	synctest.Wait()
	return func() engine.Reply { return <-done }
}

// A socket is the client's end of a WebSocket, and the engine.Conn of the host.
type socket struct {
	mu      sync.Mutex
	changed *sync.Cond
	in      [][]any // what the client has sent, by what arrives together
	out     []any   // what it was sent
	stalled bool
	ended   error // what reading ends with, when in is read
	code    int
	reason  string
	closed  bool // Close was called
	aborted bool
	done    chan struct{} // closed when the host is through with it
}

func newSocket() *socket {
	c := &socket{done: make(chan struct{})}
	c.changed = sync.NewCond(&c.mu)
	return c
}

func upgradeRequest(sid string) *engine.Request {
	return &engine.Request{
		Method: "GET", Path: "/engine.io/", RawQuery: "EIO=4&transport=websocket&sid=" + sid, Host: "kawat.test",
		RemoteAddr: "192.0.2.1:1234", Header: engine.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		},
	}
}

// upgrade opens a WebSocket that asks to take over a session.
func (n *node) upgrade(sid string) (*socket, engine.Reply) {
	u, reply := n.srv.AcceptUpgrade(context.Background(), upgradeRequest(sid))
	if u == nil {
		return nil, reply
	}
	c := newSocket()
	go func() {
		defer close(c.done)
		u.Serve(c)
	}()
	synctest.Wait()
	return c, reply
}

// move makes a session's WebSocket its transport.
func (n *node) move(sid string) *socket {
	c, reply := n.upgrade(sid)
	if c == nil {
		n.world.t.Fatalf("an upgrade: %d %s", reply.Status, reply.Body)
	}
	c.send("2probe")
	synctest.Wait()
	if got := c.got(); !slices.Equal(got, []any{"3probe"}) {
		n.world.t.Fatalf("the answer to the probe: %q", got)
	}
	c.send("5")
	synctest.Wait()
	return c
}

func (c *socket) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.changed.Broadcast()
}

func (c *socket) send(messages ...any) { c.set(func() { c.in = append(c.in, messages) }) }

// got returns what has come since the last call.
func (c *socket) got() (messages []any) {
	c.set(func() { messages, c.out = c.out, nil })
	return messages
}

// leave has the client's side end.
func (c *socket) leave(err error) { c.set(func() { c.ended = err }) }

func (c *socket) ReadMessages(deliver func(binary bool, data []byte) error) error {
	c.mu.Lock()
	for len(c.in) == 0 && c.ended == nil && !c.aborted {
		c.changed.Wait()
	}
	if c.aborted || len(c.in) == 0 {
		defer c.mu.Unlock()
		if c.aborted {
			return io.EOF
		}
		return c.ended
	}
	batch := c.in[0]
	c.in = c.in[1:]
	c.mu.Unlock()
	for _, m := range batch {
		text, isText := m.(string)
		data, _ := m.([]byte)
		if err := deliver(!isText, append([]byte(text), data...)); err != nil {
			return err
		}
	}
	return nil
}

var errAborted = errors.New("aborted")

func (c *socket) WriteFrames(frames []*engine.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.stalled && !c.aborted {
		c.changed.Wait()
	}
	if c.aborted {
		return errAborted
	}
	for _, f := range frames {
		if f.Binary() {
			c.out = append(c.out, bytes.Clone(f.Payload()))
		} else {
			c.out = append(c.out, string(f.Payload()))
		}
	}
	return nil
}

func (c *socket) Close(code int, reason string) {
	c.set(func() {
		if !c.closed {
			c.closed, c.code, c.reason = true, code, reason
			c.ended = io.EOF // the client answers
		}
	})
}

func (c *socket) Abort() { c.set(func() { c.aborted = true }) }

func (c *socket) isAborted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.aborted && !c.closed
}
