package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func equal(a, b []any) bool { return reflect.DeepEqual(a, b) }

// What goes over a WebSocket at another node arrives in order and unchanged, in both
// directions, whatever its size.
func TestTunnel(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, _ *Config) { c.MaxQueuedBytes = 100 << 20 }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		var heard []any
		owner.receive = func(_ *engine.Session, data []byte, binary bool) {
			if binary {
				heard = append(heard, bytes.Clone(data))
			} else {
				heard = append(heard, string(data))
			}
		}
		c := door.move(owner.open())
		s := owner.session()
		var told, want []any
		for _, size := range []int{0, 1, 10, 1000, piece - 5, piece, piece + 1, window, 3 * window, 999_999, 0, 5} {
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(rand.Uint32())
			}
			text := strings.Repeat("x", size)
			c.send(data, "4"+text, data, "4"+text)
			_ = s.SendBinary(data)
			_ = s.SendText(text)
			told = append(told, data, "4"+text)
			want = append(want, data, text, data, text)
			if rand.IntN(2) == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if !equal(heard, want) {
			t.Errorf("of %d messages %d were heard, or others", len(want), len(heard))
		}
		if got := c.got(); !equal(got, told) {
			t.Errorf("of %d messages %d were got, or others", len(told), len(got))
		}
		if s.Transport() != engine.WebSocket || !s.Upgraded() || door.relay.Stats().WebSockets != 1 {
			t.Errorf("%s %+v", s.Transport(), door.relay.Stats())
		}
		time.Sleep(2 * rollInterval)
		synctest.Wait()
		if a, b := door.relay.Stats().Bytes, owner.relay.Stats().Bytes; a+b != 0 {
			t.Errorf("%d and %d bytes count as being on their way, when all have arrived", a, b)
		}
	})
}

// Messages that leave together arrive together, in one piece of mail.
func TestBatches(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		c := door.move(owner.open())
		before := w.sent()
		many := make([]any, 100)
		for i := range many {
			many[i] = "4x"
		}
		c.send(many...)
		synctest.Wait()
		if n := w.sent() - before; n != 1 || len(owner.heard()) != 100 {
			t.Errorf("%d messages of the client took %d", len(owner.heard()), n)
		}
		before = w.sent()
		for range 100 {
			_ = owner.session().Queue(engine.BinaryFrame([]byte("x")))
		}
		owner.session().Flush()
		synctest.Wait()
		if n := w.sent() - before; n != 1 || len(c.got()) != 100 {
			t.Errorf("100 messages of the server took %d", n)
		}
	})
}

// A client that does not read ends as a slow consumer, a handler that does not get on
// keeps its client from sending, and neither takes much of what is between.
func TestBackpressure(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, _ *Config) { c.PingInterval, c.WriteTimeout = time.Hour, 10*time.Second }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		proceed := make(chan struct{})
		heard := 0
		owner.receive = func(*engine.Session, []byte, bool) { heard++; <-proceed }
		c := door.move(owner.open())
		for range 100 {
			c.send(make([]byte, 100_000))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := door.relay.Stats().Bytes; n > window || n < window/2 {
			t.Errorf("%d bytes are on their way", n)
		}
		if len(c.in) < 90 || heard != 1 {
			t.Errorf("of 100 messages %d were left unread, and %d handled", len(c.in), heard)
		}
		close(proceed)
		synctest.Wait()
		if heard != 100 {
			t.Errorf("%d were heard", heard)
		}

		c.set(func() { c.stalled = true })
		s := owner.session()
		for range 3 {
			_ = s.SendBinary(make([]byte, 1_000_000))
		}
		synctest.Wait()
		if n := owner.relay.Stats().Bytes; n > window || n < window/2 {
			t.Errorf("%d bytes are on their way", n)
		}
		time.Sleep(9 * time.Second)
		if n := len(owner.endings()); n != 0 {
			t.Errorf("a client that has not read for less than the write timeout has ended: %q", owner.endings())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := owner.endings(); len(got) != 1 || !strings.Contains(got[0], "accepted nothing") {
			t.Errorf("%q", got)
		}
		<-c.done
		if n := owner.relay.Stats().Bytes; n != 0 {
			t.Errorf("%d bytes are left", n)
		}
	})
}

// A slow client is not cut as long as it gets on.
func TestSlowClient(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, _ *Config) { c.WriteTimeout, c.PingTimeout = 10*time.Second, 3*time.Second }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		c := door.move(owner.open())
		for range 40 {
			_ = owner.session().SendBinary(make([]byte, 100_000))
		}
		var got []any
		for len(got) < 40 {
			c.set(func() { c.stalled = true })
			time.Sleep(5 * time.Second)
			c.set(func() { c.stalled = false })
			synctest.Wait()
			for _, m := range c.got() {
				if m == "2" {
					c.send("3")
				} else {
					got = append(got, m)
				}
			}
			if len(owner.endings()) > 0 {
				t.Fatalf("after %d messages: %q", len(got), owner.endings())
			}
		}
	})
}

// Those who do not read do not keep others from being sent to.
func TestSharedBytes(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, rc *Config) {
		c.WriteTimeout, c.PingInterval, rc.MaxBytes = time.Hour, time.Hour, window
	}, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		stalled := door.move(owner.open())
		slow := owner.session()
		honest := door.move(owner.open())
		fast := owner.session()
		stalled.set(func() { stalled.stalled = true })
		for range 3 {
			_ = slow.SendBinary(make([]byte, 1_000_000))
		}
		synctest.Wait()
		for range 10 {
			_ = fast.SendBinary(make([]byte, window/2))
			synctest.Wait()
			if n := len(honest.got()); n != 1 {
				t.Fatalf("%d messages", n)
			}
		}
		if n := owner.relay.Stats().Bytes; n > 2*window {
			t.Errorf("%d bytes are on their way", n)
		}
		stalled.set(func() { stalled.stalled = false })
		synctest.Wait()
		if n := len(stalled.got()); n != 3 {
			t.Errorf("%d messages when it reads again", n)
		}
	})
}

// Who waits for room among the bytes that are on their way to a node gets it when
// others' have arrived.
func TestRoomIsPassedOn(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, rc *Config) {
		c.WriteTimeout, c.PingInterval, rc.MaxBytes = time.Hour, time.Hour, window
	}, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		var sockets []*socket
		for range 4 {
			c := door.move(owner.open())
			c.set(func() { c.stalled = true })
			sockets = append(sockets, c)
			for range 3 {
				_ = owner.session().SendBinary(make([]byte, 999_000))
			}
		}
		synctest.Wait()
		if n := owner.relay.Stats().Bytes; n < window || n > 2*window {
			t.Errorf("%d bytes are on their way", n)
		}
		for _, c := range sockets {
			c.set(func() { c.stalled = false })
		}
		synctest.Wait()
		for i, c := range sockets {
			if n := len(c.got()); n != 3 {
				t.Errorf("%d: %d messages", i, n)
			}
		}
	})
}

// How one side ends a WebSocket the other is told.
func TestCloseCodes(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		for ending, want := range map[error]string{
			fmt.Errorf("closed by the peer: 4001 enough: %w", errors.New("EOF")): "transport close: closed by the peer: 4001 enough: EOF",
			&engine.ConnError{Code: 1009, Reason: "too big"}:                     "transport error: too big (close code 1009)",
		} {
			c := door.move(owner.open())
			c.send("4last")
			c.leave(ending)
			<-c.done
			synctest.Wait()
			if got := owner.endings(); got[len(got)-1] != want || owner.heard()[len(owner.heard())-1] != "last" {
				t.Errorf("%q, not %q; heard %q", got, want, owner.heard())
			}
		}
		c := door.move(owner.open())
		_ = owner.session().SendText("last")
		owner.session().Close()
		<-c.done
		if got := c.got(); !equal(got, []any{"4last"}) || !c.closed || c.code != 0 {
			t.Errorf("%q, closed %v by %d", got, c.closed, c.code)
		}
		c = door.move(owner.open())
		owner.relay.mu.Lock()
		var there *stream
		for _, st := range owner.relay.peers[door.bus.ID()].theirs {
			there = st
		}
		owner.relay.mu.Unlock()
		there.conn.Close(4002, "away")
		there.conn.Close(4003, "again")
		<-c.done
		if c.code != 4002 || c.reason != "away" {
			t.Errorf("closed by %d %q", c.code, c.reason)
		}
		if len(door.failures())+len(owner.failures()) > 0 {
			t.Errorf("%v %v", door.failures(), owner.failures())
		}
		time.Sleep(3 * rollInterval)
		for _, n := range w.nodes {
			n.relay.mu.Lock()
			if len(n.relay.peers) > 0 || n.relay.calling {
				t.Error("something is left")
			}
			n.relay.mu.Unlock()
			if n.srv.Stats().Sessions > 0 {
				t.Errorf("%+v", n.srv.Stats())
			}
		}
	})
}

// A session that ends by its heartbeat, and one that is aborted, cut the WebSocket off.
func TestAbort(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		c := door.move(owner.open())
		owner.session().Abort()
		<-c.done
		c = door.move(owner.open())
		<-c.done // no pong
		synctest.Wait()
		if got := owner.endings(); len(got) != 2 || !strings.HasPrefix(got[1], "ping timeout") || !c.isAborted() {
			t.Errorf("%q", got)
		}
	})
}

// A WebSocket that does not come to take over leaves the session to its polls.
func TestUpgradeFails(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		for name, fail := range map[string]func(c *socket){
			"nonsense": func(c *socket) { c.send("4x") },
			"left":     func(c *socket) { c.leave(errors.New("gone")) },
			"late":     func(*socket) {},
			"late, probed": func(c *socket) {
				c.send("2probe")
			},
		} {
			c, r := door.upgrade(sid)
			if c == nil {
				t.Fatalf("%s: %d %s", name, r.Status, r.Body)
			}
			fail(c)
			time.Sleep(11 * time.Second)
			<-c.done
			_ = owner.session().SendText(name)
			if r := door.get(sid); !strings.Contains(string(r.Body), "4"+name) {
				t.Errorf("%s: %d %q", name, r.Status, r.Body)
			}
			door.post(sid, "3")
		}
		u, _ := door.srv.AcceptUpgrade(context.Background(), upgradeRequest(sid))
		u.Cancel()
		synctest.Wait()
		if c := door.move(sid); c == nil || owner.session().Transport() != engine.WebSocket {
			t.Error("it cannot move any more")
		}
		if got := owner.endings(); len(got) > 0 {
			t.Errorf("%q", got)
		}
	})
}

// An adapter may call Cancel as soon as Start has returned, which then does nothing.
func TestCancelAfterStart(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		for range 20 {
			u, _ := w.nodes[0].srv.AcceptUpgrade(context.Background(), upgradeRequest(w.nodes[1].open()))
			c := newSocket()
			u.Start(c)
			u.Cancel()
			c.send("2probe")
			synctest.Wait()
			if got := c.got(); !equal(got, []any{"3probe"}) {
				t.Fatalf("%q", got)
			}
			c.Abort()
		}
	})
}

// Whichever message between the nodes is lost, nothing is missed in silence: what a
// client gets, and what is heard of it, is all, or it ends before the first that is
// missing.
func TestLoss(t *testing.T) {
	for _, what := range []string{"polls", "WebSocket"} {
		t.Run(what, func(t *testing.T) {
			for lost, done := 0, false; !done; lost++ {
				inWorld(t, 2, nil, func(t *testing.T, w *world) {
					door, owner := w.nodes[0], w.nodes[1]
					w.losing(func([]byte) bool { return w.seen == lost+1 })
					var got []string
					if what == "polls" {
						got = lossyPolls(door, owner)
					} else {
						got = lossyWebSocket(door, owner)
					}
					done = w.sent() <= lost
					check := func(name string, got []string) {
						for i, m := range got {
							if m != fmt.Sprint("4m", i) {
								t.Errorf("message %d of %s lost: %q", lost, name, got)
								return
							}
						}
						if ended := len(owner.endings()) > 0; len(got) < lossyMessages && !ended {
							t.Errorf("message %d lost: %s has %d of %d, and goes on", lost, name, len(got), lossyMessages)
						}
					}
					check("the client", got)
					var heard []string
					for _, m := range owner.heard() {
						heard = append(heard, "4"+m)
					}
					check("the server", heard)
					if n := len(owner.endings()); done && n > 0 {
						t.Errorf("nothing was lost, and the session has ended: %q", owner.endings())
					}
				})
			}
		})
	}
}

const lossyMessages = 6

// lossyPolls has a client poll until its session ends, and returns what it got. It does
// not miss that.
func lossyPolls(door, owner *node) (got []string) {
	sid := owner.open()
	s := owner.session()
	for i := range lossyMessages {
		text := fmt.Sprint("m", i)
		poll := later(func() engine.Reply { return door.get(sid) })
		_ = s.SendText(text)
		r := poll()
		if r.Status != 200 {
			break
		}
		got = append(got, strings.Split(string(r.Body), "\x1e")...)
		if door.post(sid, "4"+text).Status != 200 {
			break
		}
	}
	time.Sleep(20 * time.Second) // less than a heartbeat
	synctest.Wait()
	return slices.DeleteFunc(got, func(m string) bool { return m == "2" || m == "6" })
}

func lossyWebSocket(door, owner *node) (got []string) {
	sid := owner.open()
	s := owner.session()
	c, _ := door.upgrade(sid)
	if c == nil {
		s.Abort() // the client goes on polling; that is the other test's
		return nil
	}
	c.send("2probe")
	synctest.Wait()
	if got := c.got(); len(got) != 1 {
		s.Abort()
		return nil
	}
	c.send("5")
	synctest.Wait()
	for i := range lossyMessages {
		_ = s.SendText(fmt.Sprint("m", i))
		synctest.Wait()
		c.send(fmt.Sprint("4m", i))
		synctest.Wait()
	}
	time.Sleep(20 * time.Second)
	synctest.Wait()
	if s.Transport() != engine.WebSocket {
		s.Abort()
	}
	for _, m := range c.got() {
		got = append(got, m.(string))
	}
	return got
}
