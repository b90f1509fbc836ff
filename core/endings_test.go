package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// How a socket can end, and the reason that is due.
var endings = []struct {
	reason socketio.Reason
	end    func(s *socketio.Socket, c *siotest.Client)
}{
	{socketio.ReasonClientDisconnect, func(_ *socketio.Socket, c *siotest.Client) { c.Leave() }},
	{socketio.ReasonTransportClose, func(_ *socketio.Socket, c *siotest.Client) { c.Close() }},
	{socketio.ReasonServerDisconnect, func(s *socketio.Socket, _ *siotest.Client) { _ = s.Disconnect(false) }},
	{socketio.ReasonServerDisconnect, func(s *socketio.Socket, _ *siotest.Client) { _ = s.Disconnect(true) }},
	{socketio.ReasonServerDisconnect, func(s *socketio.Socket, _ *siotest.Client) {
		_ = s.Namespace().To(s.ID()).DisconnectSockets(true)
	}},
	{socketio.ReasonForcedClose, func(_ *socketio.Socket, c *siotest.Client) { c.SendRaw("42{") }},
	{socketio.ReasonForcedClose, func(s *socketio.Socket, _ *siotest.Client) { s.Conn().Close() }},
	{socketio.ReasonParseError, func(_ *socketio.Socket, c *siotest.Client) { c.SendRaw("x") }},
	{socketio.ReasonTransportError, func(_ *socketio.Socket, c *siotest.Client) { c.SendRaw("2") }},
}

func TestOneDisconnectForEachConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{PingInterval: time.Hour, PingTimeout: time.Hour})
		connected, ended := map[string]int{}, map[string][]socketio.Reason{}
		changes := make(chan func(), 10_000)
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			changes <- func() { connected[s.ID()]++ }
			return s.Join("room")
		})
		io.OnDisconnect(func(_ context.Context, s *socketio.Socket, r socketio.Reason) {
			changes <- func() { ended[s.ID()] = append(ended[s.ID()], r) }
		})
		socketio.On(io, "work", func(_ context.Context, s *socketio.Socket, n int) error { return s.To("room").Volatile().Emit("x", n) })
		rnd := rand.New(rand.NewPCG(1, 2))
		want := map[string]map[socketio.Reason]bool{}
		for i := range 1000 {
			opts := siotest.Options{}
			if rnd.IntN(3) == 0 {
				opts.Transport = engine.Polling
			}
			c := siotest.Dial(t, io, opts)
			s := socketOf(t, io.Namespace, c)
			if rnd.IntN(2) == 0 {
				settle()
			}
			for n := range rnd.IntN(4) {
				c.Emit("work", n)
			}
			// One ending, or two at the same time, of which either may win.
			want[c.ID()] = map[socketio.Reason]bool{}
			for range 1 + rnd.IntN(2) {
				ending := endings[rnd.IntN(len(endings))]
				want[c.ID()][ending.reason] = true
				go ending.end(s, c)
			}
			if i%50 == 0 {
				settle()
			}
		}
		settle()
		time.Sleep(time.Minute) // polling clients are told
		synctest.Wait()
		close(changes)
		for change := range changes {
			change()
		}
		if len(connected) != 1000 || len(ended) != 1000 {
			t.Fatalf("%d connects, %d disconnects", len(connected), len(ended))
		}
		for id, reasons := range ended {
			if connected[id] != 1 || len(reasons) != 1 || !want[id][reasons[0]] {
				t.Errorf("%d connects, disconnects %q, due was %v", connected[id], reasons, want[id])
			}
		}
		if stats := io.Stats(); stats.Sockets != 0 || stats.Rooms != 0 {
			t.Errorf("left: %+v", stats)
		}
	})
}

func TestASlowConsumerIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxQueuedMessages: 100})
		ends := reasons(io)
		slow, other := dial(t, io), dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, slow)
		slow.Stall()
		for i := range 300 {
			must(t, io.Emit("event", i))
			if i%50 == 0 {
				settle()
			}
		}
		settle()
		ends.want(t, "slow consumer")
		if s.Emit("x") == nil || len(other.Events()) != 300 {
			t.Error("the other client is hurt, or the slow one still there")
		}
	})
}

func TestShutdown(t *testing.T) {
	for name, row := range map[string]struct {
		busy    time.Duration // how long a handler goes on
		ctx     time.Duration
		took    time.Duration
		fails   bool
		replied bool
	}{
		"idle":                 {0, time.Minute, 0, false, true},
		"within the grace":     {500 * time.Millisecond, time.Minute, 500 * time.Millisecond, false, true},
		"longer than that":     {3 * time.Second, time.Minute, 3 * time.Second, false, false},
		"longer than the ctx":  {time.Minute, 2 * time.Second, 2 * time.Second, true, false},
		"ctx within the grace": {time.Minute, 300 * time.Millisecond, 300 * time.Millisecond, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{PingInterval: time.Hour})
				ends := reasons(io)
				io.OnEvent("work", func(_ context.Context, e *socketio.Event) error {
					time.Sleep(row.busy)
					return e.Ack("done")
				})
				c, idle := dial(t, io), dial(t, io)
				settle()
				c.Raw()
				c.SendRaw(`421["work"]`)
				settle()
				if row.busy > 0 {
					row.busy -= 10 * time.Millisecond // which settle took
					if !row.fails {
						row.took -= 10 * time.Millisecond
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), row.ctx)
				defer cancel()
				start := time.Now()
				err := io.Shutdown(ctx)
				if took := time.Since(start); took != row.took || (err != nil) != row.fails {
					t.Errorf("took %v, %v", took, err)
				}
				settle()
				if row.replied {
					wantRaw(t, "the busy client", c, `431["done"]`)
				} else {
					wantRaw(t, "the busy client", c)
				}
				if !c.Closed() || !idle.Closed() {
					t.Error("not closed")
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				ends.want(t, "server shutting down", "server shutting down")
			})
		})
	}
}

func TestAServerThatShutsDownRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		must(t, io.Close()) // before anything
		must(t, io.Close())
		must(t, io.Shutdown(t.Context()))
		refusal := new(refused)
		defer func() {
			if recover() == nil || refusal.text == "" {
				t.Errorf("a client got in: %q", refusal.text)
			}
		}()
		siotest.Open(refusal, io, siotest.Options{})
	})
}

func TestNobodyGetsInDuringTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.OnEvent("work", func(context.Context, *socketio.Event) error { time.Sleep(500 * time.Millisecond); return nil })
		c := dial(t, io)
		c.Emit("work")
		settle()
		done := make(chan error)
		go func() { done <- io.Shutdown(t.Context()) }()
		synctest.Wait()
		refusal := new(refused)
		func() {
			defer func() { _ = recover() }()
			siotest.Open(refusal, io, siotest.Options{})
		}()
		if !strings.Contains(refusal.text, "503") || c.Closed() {
			t.Errorf("%q, closed: %v", refusal.text, c.Closed())
		}
		must(t, <-done)
	})
}

// A refused stands for a test that fails.
type refused struct{ text string }

func (*refused) Helper()        {}
func (*refused) Cleanup(func()) {}
func (r *refused) Fatalf(format string, args ...any) {
	r.text = fmt.Sprintf(format, args...)
	panic(r.text)
}
