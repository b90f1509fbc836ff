package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// How a script's server is configured, by the bits of its first byte.
const (
	withRecovery = 1 << iota
	withEIO3
	withConcurrent
	withCleanup
	withPollingWitness
	withoutUpgrades
)

// What the limits of a script's server are: low, so that scripts meet them.
const (
	scriptQueue      = 64
	scriptQueueBytes = 16 << 10
	scriptAcks       = 5
	scriptChildren   = 3
)

func scriptConfig(bits byte) socketio.Config {
	cfg := socketio.Config{
		MaxPayload: 2000, MaxQueuedMessages: scriptQueue, MaxQueuedBytes: scriptQueueBytes, MaxPendingAcks: scriptAcks,
		MaxNamespaces: 4, MaxChildNamespaces: scriptChildren, MaxQueuedEvents: 4, MaxQueuedEventBytes: 2000,
		PacketLimits: packet.Limits{Attachments: 3, AttachmentBytes: 1000, Depth: 20, Args: 20, NamespaceLength: 40},
		AllowEIO3:    bits&withEIO3 != 0, Concurrent: bits&withConcurrent != 0,
		CleanupEmptyChildNamespaces: bits&withCleanup != 0, DisableUpgrades: bits&withoutUpgrades != 0,
	}
	if bits&withRecovery != 0 {
		cfg.ConnectionStateRecovery = &socketio.Recovery{MaxDisconnectionDuration: time.Minute, MaxPackets: 20, MaxBytes: 8000, MaxSessions: 3}
	}
	return cfg
}

// A scriptWorld is a server with the clients of a script, and what must be true of
// it whatever they do.
type scriptWorld struct {
	t       *testing.T
	io      *socketio.Server
	spaces  []*socketio.Namespace
	parent  *socketio.ParentNamespace
	clients [3]*scriptClient
	witness *siotest.Client // an honest client, which must not notice anything
	eio3    bool            // older clients are let in
	serial  bool            // events of a socket are handled one after another
	closed  bool            // the server shuts down, or has
	numbers map[string]int  // of the last numbered event of each kind
	counted int             // the last for everybody that the witness has heard
	steps   []string        // that were done, for people
	logs    *logs           // of what is an error, for people

	mu       sync.Mutex
	lives    map[*socketio.Socket]*life
	ends     map[*engine.Session]int
	booms    int64 // panics that handlers were asked for
	waiting  int   // for acks
	acked    int   // acks that came
	numbered int   // numbers that clients have heard
	released chan struct{}
	failures []string
}

// The events whose first argument is their number.
const (
	forAll    = "number for all"
	forRoom   = "number for a room"
	ifReady   = "number if ready"
	forSocket = "number for a socket"
)

// next numbers an event. Nobody may hear one twice, or in another order.
func (w *scriptWorld) next(n *socketio.Namespace, event string) int {
	w.numbers[n.Name()+event]++
	return w.numbers[n.Name()+event]
}

// A life is what the program has heard of a socket.
type life struct {
	connecting, connected, leaving, left int
	handling                             int // of its events, now
}

func newScriptWorld(t *testing.T, bits byte) *scriptWorld {
	cfg, logs := scriptConfig(bits), new(logs)
	cfg.Logger = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelError}))
	io, err := socketio.New(cfg)
	must(t, err)
	w := &scriptWorld{
		t: t, io: io, logs: logs, eio3: bits&withEIO3 != 0, serial: bits&withConcurrent == 0, lives: make(map[*socketio.Socket]*life),
		ends: make(map[*engine.Session]int), released: make(chan struct{}), numbers: make(map[string]int),
	}
	w.parent = io.OfRegexp(regexp.MustCompile(`^/dyn-[0-9a-z]{0,3}$`))
	w.spaces = []*socketio.Namespace{io.Namespace, io.Of("/a"), io.Of("/b")}
	w.furnish(w.parent)
	for _, n := range w.spaces {
		w.furnish(n)
	}
	opts := siotest.Options{}
	if bits&withPollingWitness != 0 {
		opts.Transport = engine.Polling
	}
	w.witness = siotest.Dial(nil, io, opts)
	synctest.Wait()
	return w
}

func (w *scriptWorld) failf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

// A furnishable namespace is one, or a parent of some.
type furnishable interface {
	Use(m socketio.Middleware)
	OnConnection(f func(ctx context.Context, s *socketio.Socket) error)
	OnDisconnecting(f func(ctx context.Context, s *socketio.Socket, reason socketio.Reason))
	OnDisconnect(f func(ctx context.Context, s *socketio.Socket, reason socketio.Reason))
	OnEvent(event string, h socketio.Handler) (remove func())
}

var errDenied = &socketio.Error{Message: "denied", Data: 1}

// furnish gives a namespace its functions, which note what they hear.
func (w *scriptWorld) furnish(n furnishable) {
	n.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
		w.watch(s.Conn())
		var auth struct{ Deny, Slow, Join bool }
		_ = s.Handshake().BindAuth(&auth)
		if auth.Slow {
			time.Sleep(3 * time.Second)
		}
		if auth.Join {
			_ = s.Join("early")
		}
		if auth.Deny {
			return nil, errDenied
		}
		return ctx, nil
	})
	n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		w.note(s, "OnConnection", func(l *life) bool { l.connecting++; return l.connecting == 1 && l.left == 0 })
		defer w.note(s, "the end of OnConnection", func(l *life) bool { l.connected++; return l.connected == 1 && l.left == 0 })
		var auth struct{ Fail bool }
		_ = s.Handshake().BindAuth(&auth)
		_ = s.Join("all")
		if auth.Fail {
			return errors.New("not today")
		}
		return nil
	})
	n.OnDisconnecting(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
		w.note(s, "OnDisconnecting", func(l *life) bool {
			l.leaving++
			return l.connected == 1 && l.leaving == 1 && l.left == 0 && l.handling == 0
		})
	})
	n.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
		w.note(s, "OnDisconnect", func(l *life) bool { l.left++; return l.leaving == 1 && l.left == 1 && l.handling == 0 })
		if s.Connected() {
			w.failf("a socket is connected in OnDisconnect")
		}
	})
	for event, h := range w.handlers() {
		n.OnEvent(event, func(ctx context.Context, e *socketio.Event) error {
			w.note(e.Socket(), "the event "+event, func(l *life) bool {
				l.handling++
				return l.connected == 1 && l.left == 0 && (l.handling == 1 || !w.serial)
			})
			defer w.note(e.Socket(), "the end of the event "+event, func(l *life) bool { l.handling--; return l.left == 0 })
			return h(ctx, e)
		})
	}
}

// watch counts how often a session ends.
func (w *scriptWorld) watch(s *engine.Session) {
	w.mu.Lock()
	_, known := w.ends[s]
	if !known {
		w.ends[s] = 0
	}
	w.mu.Unlock()
	if !known {
		s.OnClose(func(engine.Reason, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ends[s]++
		})
	}
}

// note notes what the program hears of a socket, and whether that is in order.
func (w *scriptWorld) note(s *socketio.Socket, what string, inOrder func(*life) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.lives[s]
	if l == nil {
		l = new(life)
		w.lives[s] = l
	}
	if before := *l; !inOrder(l) {
		w.failures = append(w.failures, fmt.Sprintf("%s comes to a socket of %q with %+v", what, s.Namespace().Name(), before))
	}
}

// handlers are what events of clients do.
func (w *scriptWorld) handlers() map[string]socketio.Handler {
	return map[string]socketio.Handler{
		"echo": func(_ context.Context, e *socketio.Event) error {
			var args []any
			for i := range e.Len() {
				if v, err := e.Args().Value(i); err == nil {
					args = append(args, v)
				}
			}
			_ = e.Socket().Emit("echo", args...)
			return e.Ack(args...)
		},
		"join": func(_ context.Context, e *socketio.Event) error {
			var room string
			if err := e.Bind(&room); err != nil {
				return err
			}
			return e.Socket().Join("room:" + room)
		},
		"leave":  func(_ context.Context, e *socketio.Event) error { return e.Socket().Leave("all") },
		"others": func(_ context.Context, e *socketio.Event) error { return e.Socket().To("all").Emit("said") },
		"bye":    func(_ context.Context, e *socketio.Event) error { return e.Socket().Disconnect(false) },
		"quit":   func(_ context.Context, e *socketio.Event) error { return e.Socket().Disconnect(true) },
		"sleep":  func(context.Context, *socketio.Event) error { time.Sleep(time.Second); return nil },
		"wait":   func(ctx context.Context, _ *socketio.Event) error { <-ctx.Done(); return ctx.Err() },
		"stuck": func(context.Context, *socketio.Event) error {
			w.mu.Lock()
			released := w.released
			w.mu.Unlock()
			<-released
			return nil
		},
		"boom": func(context.Context, *socketio.Event) error { w.boomed(); panic("as asked") },
		"exit": func(context.Context, *socketio.Event) error { w.boomed(); runtime.Goexit(); return nil },
		"ask": func(ctx context.Context, e *socketio.Event) error {
			_, err := e.Socket().Timeout(2*time.Second).EmitWithAck(ctx, "asked")
			return err
		},
	}
}

// boomed notes a panic that is asked for.
func (w *scriptWorld) boomed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.booms++
}

// release lets the handlers go on that are stuck.
func (w *scriptWorld) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.released)
	w.released = make(chan struct{})
}

// heard notes what a client is told. The client's mu is held.
func (w *scriptWorld) heard(p *place, m packet.Incoming) {
	switch m.Type {
	case packet.Connect:
		var answer struct{ PID string }
		if m.Args.Len() > 0 && m.Args.Bind(0, &answer) == nil && answer.PID != "" {
			if p.forged && p.pid == answer.PID {
				clear(p.last) // it has asked to hear it again
			}
			p.pid = answer.PID
		}
		p.forged = false
	case packet.Event:
		var n int
		if strings.HasPrefix(m.Event, "number ") && m.Args.Bind(0, &n) == nil {
			if n <= p.last[m.Event] {
				w.failf("%s %d comes after %d", m.Event, n, p.last[m.Event])
			}
			p.last[m.Event] = n
			w.mu.Lock()
			w.numbered++
			w.mu.Unlock()
		}
		var last string
		if i := m.Args.Len() - 1; m.ID == packet.NoID && i >= 0 && m.Args.Bind(i, &last) == nil {
			p.offset = last
		}
	}
}

// check holds what is true between any two steps, when all is quiet.
func (w *scriptWorld) check() {
	stats := w.io.Stats()
	w.mu.Lock()
	booms := w.booms
	w.mu.Unlock()
	switch {
	case stats.Panics != booms || stats.Engine.Panics != 0:
		w.failf("%d panics were asked for: %+v", booms, stats)
	case stats.Engine.QueuedBytes < 0 || stats.Engine.QueuedBytes > int64(stats.Engine.Sessions)*(scriptQueueBytes+4000):
		w.failf("too much is queued: %+v", stats)
	case stats.PendingAcks < 0 || stats.PendingAcks > int64(stats.Sockets*scriptAcks):
		w.failf("too many acks are waited for: %+v", stats)
	case stats.Namespaces > len(w.spaces)+scriptChildren:
		w.failf("too many namespaces: %+v", stats)
	case stats.Engine.WebSockets > stats.Engine.Sessions:
		w.failf("more WebSockets than sessions: %+v", stats)
	}
	w.checkWitness()
}

// checkWitness holds that the witness has heard all that was for everybody, in order.
func (w *scriptWorld) checkWitness() {
	for _, e := range w.witness.Events() {
		var n int
		if e.Name != forAll {
			continue
		}
		if err := e.Bind(&n); err != nil || n != w.counted+1 {
			w.failf("the witness hears %d after %d: %v", n, w.counted, err)
		}
		w.counted = n
	}
	if number := w.numbers["/"+forAll]; !w.closed && (w.witness.Closed() || w.counted != number) {
		w.failf("the witness has heard %d numbers of %d; cut: %v", w.counted, number, w.witness.Closed())
	}
}

// checkEnd holds what is true when all have gone and time has passed.
func (w *scriptWorld) checkEnd() {
	stats := w.io.Stats()
	w.mu.Lock()
	defer w.mu.Unlock()
	if stats.Engine.Sessions != 0 || stats.Engine.WebSockets != 0 || stats.Engine.QueuedBytes != 0 || stats.Sockets != 0 ||
		stats.Rooms != 0 || stats.PendingAcks != 0 || stats.Recovery.Away != 0 || w.waiting != 0 {
		w.failures = append(w.failures, fmt.Sprintf("left at the end: %+v", stats))
	}
	for s, n := range w.ends {
		if n != 1 {
			w.failures = append(w.failures, fmt.Sprintf("%v has ended %d times", s, n))
		}
	}
	for s, l := range w.lives {
		if (*l != life{connecting: 1, connected: 1, leaving: 1, left: 1}) {
			w.failures = append(w.failures, fmt.Sprintf("a socket of %q has at its end %+v", s.Namespace().Name(), *l))
		}
	}
}

func (w *scriptWorld) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.failures) > 0
}

// report fails the test with what was wrong.
func (w *scriptWorld) report() {
	if w.failed() {
		slices.Sort(w.failures)
		w.t.Errorf("%s\nafter\n%s\nand the log\n%s", strings.Join(slices.Compact(w.failures), "\n"), strings.Join(w.steps, "\n"), w.logs)
	}
}

// A happenings says how often something has happened that scripts are to bring about.
type happenings struct{ recovered, upgraded, slow, panics, sockets, numbers, acks int }

func (w *scriptWorld) happenings() happenings {
	stats := w.io.Stats()
	w.mu.Lock()
	defer w.mu.Unlock()
	t := happenings{
		recovered: int(stats.Recovery.Recovered), slow: int(stats.Engine.SlowConsumers), panics: int(stats.Panics),
		sockets: len(w.lives), numbers: w.numbered, acks: w.acked,
	}
	for s := range w.ends {
		if s.Upgraded() {
			t.upgraded++
		}
	}
	return t
}

func (t *happenings) add(u happenings) {
	t.recovered += u.recovered
	t.upgraded += u.upgraded
	t.slow += u.slow
	t.panics += u.panics
	t.sockets += u.sockets
	t.numbers += u.numbers
	t.acks += u.acks
}

// least returns the lesser of each.
func (t happenings) least(u happenings) happenings {
	return happenings{
		min(t.recovered, u.recovered), min(t.upgraded, u.upgraded), min(t.slow, u.slow), min(t.panics, u.panics),
		min(t.sockets, u.sockets), min(t.numbers, u.numbers), min(t.acks, u.acks),
	}
}
