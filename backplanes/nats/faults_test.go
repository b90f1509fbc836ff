package nats_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/faultproxy"
)

// A wire is how a node reaches the server. It can be silent: it takes what is said,
// and connections, and nothing comes out.
type wire struct {
	*faultproxy.Proxy
	silent atomic.Bool
}

func newWire(t *testing.T, server *embedded.Server) *wire {
	t.Helper()
	w := new(wire)
	var err error
	w.Proxy, err = faultproxy.Start(strings.TrimPrefix(server.URL(), "nats://"), faultproxy.Options{Plan: func(int) faultproxy.Plan {
		if w.silent.Load() {
			return faultproxy.Plan{Up: faultproxy.Way{Then: faultproxy.Vanish}}
		}
		return faultproxy.Plan{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func (w *wire) set(silent bool) {
	w.silent.Store(silent)
	for _, c := range w.Conns() {
		if silent {
			c.Do(faultproxy.Vanish)
		} else {
			c.Do(faultproxy.Reset)
		}
	}
}

// through is a cluster of two nodes, the second of which reaches the server by a wire.
func through(t *testing.T, server *embedded.Server, plane func(c nats.Config) backplane.Backplane) (a, b *host, w *wire) {
	t.Helper()
	w = newWire(t, server)
	a = join(t, plane(server.Config()), "/")
	b = join(t, plane(nats.Config{URL: "nats://" + w.Addr()}), "/")
	meet(t, "/", a, b)
	return a, b, w
}

func unwatched(t *testing.T, what string, do func()) {
	t.Helper()
	began := time.Now()
	do()
	if took := time.Since(began); took > time.Second {
		t.Errorf("%s took %v", what, took)
	}
}

func broadcast(request string, echo bool) backplane.Message {
	return backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Echo: echo, Data: data(`["` + request + `"]`)}
}

// texts are the broadcasts that came from a node.
func (h *host) texts(from string) (all []string) {
	for _, m := range h.messages() {
		if m.Kind == backplane.Broadcast && m.From == from {
			all = append(all, strings.Trim(string(m.Data.JSON), `["]`))
		}
	}
	return all
}

// A server that accepts and says nothing is found out; nobody waits for it, what is
// kept is not lost, and what is not is told of.
func TestSilent(t *testing.T) {
	t.Parallel()
	for name, plane := range map[string]func(c nats.Config) backplane.Backplane{
		"core":      nats.New,
		"jetstream": func(c nats.Config) backplane.Backplane { return nats.JetStream(small(c)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, w := through(t, start(t, embedded.Config{Listen: "127.0.0.1:0", Dir: t.TempDir()}), plane)
			w.set(true)
			var want []string
			for i := range 200 {
				unwatched(t, "Publish", func() { publish(t, b, broadcast(fmt.Sprint(i), true)) })
				want = append(want, fmt.Sprint(i))
				if i == 100 {
					unwatched(t, "Open and Shut", func() { b.Open("/other"); b.Shut("/other"); b.Open("/later") })
					eventually(t, "it is found out", func() bool { return b.saw(backplane.Down) == 1 })
				}
			}
			if name == "jetstream" {
				eventually(t, "b has its own, without an offset", func() bool { return slices.Equal(b.texts(b.ID()), want) })
			}
			w.set(false)
			eventually(t, "it is back", func() bool { return b.saw(backplane.Up) == 1 })
			if name == "jetstream" {
				eventually(t, "all came, once", func() bool { return slices.Equal(a.texts(b.ID()), want) })
			} else if b.saw(backplane.Gap) == 0 {
				t.Error("there is no gap")
			}
			publish(t, a, emit("/", "after"))
			eventually(t, "messages come again", func() bool { return b.has("after") })
			meet(t, "/", a, b)
			if n := len(b.texts(b.ID())); name == "jetstream" && n != len(want) {
				t.Errorf("b was given %d of its own, %d were sent", n, len(want))
			}
		})
	}
}

// A server that is started again, with what it has kept or without.
func TestRestarted(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"with its data": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := embedded.Config{Listen: addresses(t, 1)[0], Dir: t.TempDir()}
			server := start(t, c)
			plane := nats.JetStream(small(nats.Config{URL: server.URL()}))
			a, b := join(t, plane, "/"), join(t, plane, "/")
			meet(t, "/", a, b)
			node := b.Node.(backplane.Durable)
			publish(t, a, broadcast("before", false))
			eventually(t, "it came", func() bool { return len(b.texts(a.ID())) == 1 })
			first := b.messages()[0].Offset
			session := backplane.Session{Namespace: "/", ID: "i", PID: "p", Rooms: []string{"r"}, Data: data(`{}`)}
			if err := node.SaveSession(t.Context(), session, time.Minute); err != nil {
				t.Fatal(err)
			}
			_ = server.Close()
			publish(t, a, broadcast("while", false))
			if lost {
				c.Dir = t.TempDir()
			}
			start(t, c)
			eventually(t, "what was sent meanwhile came", func() bool { return len(b.texts(a.ID())) >= 2 })
			if got := b.texts(a.ID()); !slices.Equal(got, []string{"before", "while"}) {
				t.Errorf("came %q", got)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, missed, err := node.RestoreSession(ctx, "/", "p", first)
			if lost && !errors.Is(err, backplane.ErrNoSession) || !lost && (err != nil || len(missed) != 1) {
				t.Errorf("%v, %v", missed, err)
			}
			if gaps := b.saw(backplane.Gap); lost != (gaps > 0) {
				t.Errorf("%d gaps", gaps)
			}
			// An offset of the stream that is lost is none of the other one.
			if err := node.SaveSession(ctx, session, time.Minute); err != nil {
				t.Fatal(err)
			}
			if _, _, err := node.RestoreSession(ctx, "/", "p", first); lost != errors.Is(err, backplane.ErrNoSession) {
				t.Errorf("with an old offset: %v", err)
			}
		})
	}
}

// What is longer than the server takes is refused at once, with what to do.
func TestTooLong(t *testing.T) {
	t.Parallel()
	server := start(t, embedded.Config{MaxPayload: 10_000, Dir: t.TempDir()})
	other := server.Config()
	other.Prefix = "other"
	for name, plane := range map[string]backplane.Backplane{
		"core": nats.New(server.Config()), "jetstream": nats.JetStream(small(other)),
	} {
		a, b := join(t, plane, "/"), join(t, plane, "/")
		meet(t, "/", a, b)
		long := broadcast(strings.Repeat("x", 10_000), true)
		if err := a.Publish(long); err == nil || !strings.Contains(err.Error(), "max_payload") {
			t.Errorf("%s: %v", name, err)
		}
		long.Request = "r"
		if err := a.Reply(backplane.Message{From: b.ID(), Namespace: "/", Request: "r"}, long); err == nil {
			t.Errorf("%s: a reply is not refused", name)
		}
		if err := a.Relay(b.ID(), make([]byte, 10_000)); err == nil {
			t.Errorf("%s: mail is not refused", name)
		}
		publish(t, a, emit("/", "next"))
		eventually(t, "the next came", func() bool { return b.has("next") })
		if len(b.messages()) != 1 || len(a.messages()) != 0 {
			t.Errorf("%s: %v, %v", name, a.messages(), b.messages())
		}
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	url := "nats://" + addresses(t, 1)[0]
	for _, plane := range []backplane.Backplane{nats.New(nats.Config{URL: url}), nats.JetStream(nats.JetStreamConfig{Config: nats.Config{URL: url}})} {
		if _, err := plane.Join(t.Context(), new(host).host()); err == nil || !strings.Contains(err.Error(), "Config.URL") {
			t.Errorf("%v", err)
		}
	}
	server := start(t, embedded.Config{Listen: "127.0.0.1:0", Token: "t"})
	if _, err := nats.New(nats.Config{URL: server.URL()}).Join(t.Context(), new(host).host()); err == nil || !strings.Contains(err.Error(), "credentials") {
		t.Errorf("%v", err)
	}
	plane := nats.JetStream(nats.JetStreamConfig{Config: server.Config()})
	if _, err := plane.Join(t.Context(), new(host).host()); err == nil || !strings.Contains(err.Error(), "JetStream") {
		t.Errorf("%v", err)
	}
	join(t, nats.New(server.Config()), "/")
}

func TestEmitters(t *testing.T) {
	t.Parallel()
	server := start(t, embedded.Config{Dir: t.TempDir()})
	c := server.Config()
	c.Secret = "s"
	kept, plain := join(t, nats.JetStream(small(c)), "/"), join(t, nats.New(c), "/")
	meet(t, "/", kept, plain)
	for i, connect := range []func(c nats.Config) (backplane.Publisher, error){nats.NewEmitter, nats.NewJetStreamEmitter} {
		e, err := connect(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Publish(emit("/", "r")); err == nil {
			t.Error("a request is sent")
		}
		if err := e.Publish(broadcast(fmt.Sprint(i), false)); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := e.Publish(broadcast("late", false)); !errors.Is(err, backplane.ErrClosed) {
			t.Error(err)
		}
		for _, h := range []*host{kept, plain} {
			eventually(t, "it came", func() bool { return len(h.texts("emitter")) == i+1 })
			if m := h.messages()[i]; string(m.Data.JSON) != fmt.Sprintf(`["%d"]`, i) || m.Offset.IsZero() == (h == kept && i == 1) {
				t.Errorf("emitter %d: %+v", i, m)
			}
		}
	}
	if got := plain.peers(t, "/"); len(got) != 1 {
		t.Errorf("an emitter is taken for a node: %q", got)
	}
}
