// Command node is a server of Kawat's in a cluster. It takes commands as lines of JSON
// and answers each with one, as the Node program ../reference.mjs does: see
// ../lib/node.mjs. It ends when its standard input does; at SIGTERM it drains first.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"sync"
	"syscall"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/nethttp"
)

func main() {
	plane := flag.String("backplane", "redis", "one of those in planes.go")
	url := flag.String("url", "", "of the server behind the backplane")
	prefix := flag.String("prefix", "socket.io", "of the names on the bus")
	recovery := flag.Int("recovery", 0, "milliseconds in which clients can recover; 0 for not at all")
	share := flag.Bool("share", false, "any node takes requests for any session")
	ping := flag.Int("ping", 0, "milliseconds between pings, and for the answer; 0 for the defaults")
	drain := flag.Int("drain", 1000, "milliseconds over which clients are moved away at SIGTERM")
	emits := flag.Bool("emitter", false, "be no server, but an emitter")
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))

	if *emits {
		if err := runEmitter(*plane, *url, *prefix); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	wait := time.Duration(*ping) * time.Millisecond
	cfg := socketio.Config{ShareSessions: *share, PingInterval: wait, PingTimeout: wait}
	if *recovery > 0 {
		cfg.ConnectionStateRecovery = &socketio.Recovery{
			MaxDisconnectionDuration: time.Duration(*recovery) * time.Millisecond, SkipMiddlewares: true,
		}
	}
	if err := run(*plane, *url, *prefix, *addr, time.Duration(*drain)*time.Millisecond, cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(plane, url, prefix, addr string, drain time.Duration, cfg socketio.Config) error {
	var closePlane func()
	var err error
	if cfg.Backplane, closePlane, err = open(plane, url, prefix); err != nil {
		return err
	}
	defer closePlane()
	n := &node{rooms: [][]string{}, heard: []heard{}}
	n.act = n.do
	if n.io, err = socketio.New(cfg); err != nil {
		return err
	}
	n.setUp()
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return err
	}
	web := &http.Server{Handler: nethttp.Handler(n.io), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = web.Serve(ln) }()
	n.say(map[string]any{"url": "http://" + ln.Addr().String()})

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ended := make(chan struct{})
	go func() { n.serve(); close(ended) }()
	select {
	case <-ctx.Done():
		limited, cancel := context.WithTimeout(context.Background(), drain+5*time.Second)
		defer cancel()
		_ = n.io.Drain(limited, drain)
	case <-ended:
	}
	limited, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// Clients that were cut before the node ends cannot confirm it.
	if err = n.io.Shutdown(limited); errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return errors.Join(err, web.Close())
}

// A node remembers what it has heard of others.
type node struct {
	io  *socketio.Server
	act func(c command) (any, error) // does what a command says

	out   sync.Mutex // guards standard output
	mu    sync.Mutex
	heard []heard
	rooms [][]string
}

type heard struct {
	Nsp   string `json:"nsp,omitempty"`
	Event string `json:"event"`
	Args  any    `json:"args"`
}

func (n *node) note(h heard) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = append(n.heard, h)
}

type space interface {
	OnConnection(f func(ctx context.Context, s *socketio.Socket) error)
	OnEvent(event string, h socketio.Handler) (remove func())
	OnDisconnect(f func(ctx context.Context, s *socketio.Socket, reason socketio.Reason))
}

func (n *node) setUp() {
	for _, name := range []string{"/", "/chat", "/a.b*>"} {
		n.prepare(n.io.Of(name))
		n.listen(n.io.Of(name))
	}
	n.io.OnNewNamespace(n.listen)
	n.prepare(n.io.OfRegexp(regexp.MustCompile("^/dyn-")))
}

// prepare registers what clients want of a namespace.
func (n *node) prepare(nsp space) {
	nsp.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		var auth struct {
			User string `json:"user"`
		}
		_ = s.Handshake().BindAuth(&auth)
		if auth.User != "" {
			s.SetData(map[string]any{"user": auth.User})
		}
		rooms := s.Rooms()[1:]
		return s.Emit("welcome", map[string]any{"recovered": s.Recovered(), "rooms": append([]string{}, rooms...)})
	})
	nsp.OnEvent("join", func(_ context.Context, e *socketio.Event) error {
		var room string
		if err := e.Bind(&room); err != nil {
			return err
		}
		if err := e.Socket().Join(room); err != nil {
			return err
		}
		return e.Ack()
	})
	nsp.OnEvent("echo", func(_ context.Context, e *socketio.Event) error {
		var v any
		if err := e.Bind(&v); err != nil {
			return err
		}
		return e.Ack(v)
	})
	nsp.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) {
		n.note(heard{Event: "disconnect", Args: []any{reason}})
	})
}

// listen registers what other nodes and rooms do.
func (n *node) listen(nsp *socketio.Namespace) {
	nsp.OnServerSide("note", func(_ context.Context, e *socketio.ServerSideEvent) error {
		args := make([]any, e.Len())
		for i := range args {
			v, err := e.Args().Value(i)
			if err != nil {
				return err
			}
			args[i] = toWire(v)
		}
		n.note(heard{Nsp: nsp.Name(), Event: "note", Args: args})
		return nil
	})
	nsp.OnServerSide("question", func(_ context.Context, e *socketio.ServerSideEvent) error {
		var v any
		if err := e.Bind(&v); err != nil {
			return err
		}
		return e.Ack(map[string]any{"node": "kawat", "value": v})
	})
	room := func(event string) func(room, id string) {
		return func(room, id string) {
			if room == id || nsp.Socket(room) != nil {
				return
			}
			said := []string{event, room}
			if id != "" {
				said = append(said, id)
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			n.rooms = append(n.rooms, said)
		}
	}
	create, remove := room("create-room"), room("delete-room")
	nsp.OnCreateRoom(func(name string) { create(name, "") })
	nsp.OnDeleteRoom(func(name string) { remove(name, "") })
	nsp.OnJoinRoom(room("join-room"))
	nsp.OnLeaveRoom(room("leave-room"))
}

func (n *node) say(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		text, _ = json.Marshal(map[string]any{"error": err.Error()})
	}
	n.out.Lock()
	defer n.out.Unlock()
	_, _ = fmt.Fprintf(os.Stdout, "%s\n", text)
}

// serve does what the lines of standard input say, until there are no more.
func (n *node) serve() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			n.say(map[string]any{"error": err.Error()})
			continue
		}
		if c.waits() {
			go n.answer(c)
		} else {
			n.answer(c) // in the order of the lines
		}
	}
}

func (n *node) answer(c command) {
	result, err := n.act(c)
	if err != nil {
		n.say(map[string]any{"id": c.ID, "error": err.Error()})
		return
	}
	n.say(map[string]any{"id": c.ID, "result": result})
}
