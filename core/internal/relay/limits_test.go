package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A node that sends more than it may is not listened to.
func TestWindow(t *testing.T) {
	x := bare(t)
	st, err := x.open(other, "x", true, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range window/piece + 2 {
		m := binary.AppendUvarint(binary.AppendUvarint([]byte{byte(downData)}, st.id), uint64(i))
		x.Take(other, append(m, make([]byte, piece)...))
	}
	if st.err() != errWindow {
		t.Errorf("%v", st.err())
	}
	a := assembler{limit: 1000}
	if _, _, _, _, err := a.next(appendHead(nil, 1001, 0)); err == nil {
		t.Error("a message may be longer than the limit")
	}
}

// The nodes are not bothered with ids that cannot be theirs, nor do these take time.
func TestForgedIDsStayHere(t *testing.T) {
	inWorld(t, 3, nil, func(t *testing.T, w *world) {
		door, owner, dead := w.nodes[0], w.nodes[1], w.nodes[2]
		sid := dead.open()
		dead.die()
		before := w.sent()
		for _, id := range []string{door.relay.NewID(), sid, owner.open() + "A", owner.relay.tag} {
			began := time.Now()
			door.get(id)
			door.post(id, "4x")
			if took := time.Since(began); took > 0 || w.sent() > before {
				t.Errorf("it took %v and %d messages", took, w.sent()-before)
			}
		}
	})
}

// A body that is too large is not passed on beyond the limit, and a forged id has none
// of it read.
func TestBodiesStayHere(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, _ *Config) { c.MaxPayload = 100_000 }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		passed := 0
		w.lose = func(m []byte) bool {
			if kind(m[0]) == upData {
				passed += len(m)
			}
			return false
		}
		sid := owner.open()
		if r := door.do(context.Background(), "POST", "&sid="+sid, strings.NewReader(strings.Repeat("4", 5_000_000)), -1); r.Status != 413 || passed > 101_000 {
			t.Errorf("%d, and %d bytes were passed on", r.Status, passed)
		}
		passed = 0
		body := strings.NewReader(strings.Repeat("4", 90_000))
		if r := door.do(context.Background(), "POST", "&sid="+owner.relay.NewID(), body, 90_000); r.Status != 400 || passed > 0 || body.Len() != 90_000 {
			t.Errorf("%d, and %d bytes were passed on, %d are unread", r.Status, passed, body.Len())
		}
	})
}

// What a session has given for a poll, and cannot be sent, ends it.
func TestReplyCannotBeSent(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		poll := later(func() engine.Reply { return door.get(sid) })
		w.mu.Lock()
		w.fails = errors.New("full")
		w.mu.Unlock()
		_ = owner.session().SendText("x")
		synctest.Wait()
		if got := owner.endings(); len(got) != 1 || !strings.Contains(got[0], "full") {
			t.Errorf("%q", got)
		}
		w.mu.Lock()
		w.fails = nil
		w.mu.Unlock()
		if r := poll(); r.Status != 400 {
			t.Errorf("%d", r.Status)
		}
	})
}

// A close frame comes behind what is being written.
func TestCloseBehindWrite(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, _ *Config) { c.WriteTimeout, c.PingInterval = time.Hour, time.Hour }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		c := door.move(owner.open())
		c.set(func() { c.stalled = true })
		for range 3 {
			_ = owner.session().Queue(engine.BinaryFrame(make([]byte, 500_000)))
		}
		go owner.session().Flush()
		synctest.Wait()
		owner.relay.mu.Lock()
		for _, st := range owner.relay.peers[door.bus.ID()].theirs {
			st.conn.Close(4000, "")
		}
		owner.relay.mu.Unlock()
		synctest.Wait()
		c.set(func() { c.stalled = false })
		<-c.done
		if n := len(c.got()); n != 3 || c.code != 4000 {
			t.Errorf("%d of 3 messages came before the close frame %d", n, c.code)
		}
	})
}

// Shutdown waits for what other nodes are to answer.
func TestShutdownWaits(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		busy := make(chan struct{})
		owner.receive = func(*engine.Session, []byte, bool) { <-busy }
		sid := owner.open()
		post := later(func() engine.Reply { return door.post(sid, "4x") })
		ended := make(chan error, 1)
		go func() { ended <- door.srv.Shutdown(context.Background()) }()
		time.Sleep(5 * time.Second)
		select {
		case err := <-ended:
			t.Errorf("it has ended: %v", err)
		default:
		}
		close(busy)
		if r := post(); r.Status != 200 || r.Header.Get("Connection") != "close" {
			t.Errorf("%d %v", r.Status, r.Header)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A roll call is no end for a request that is about to be sent.
func TestRollOfYoungStreams(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		old := later(func() engine.Reply { return door.get(sid) })
		time.Sleep(rollInterval - time.Millisecond)
		st, err := door.relay.open(owner.bus.ID(), sid, false, false)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(rollInterval / 2)
		synctest.Wait()
		if st.err() != nil {
			t.Errorf("%v", st.err())
		}
		st.finish(errCancelled)
		_ = owner.session().SendText("x")
		old()
	})
}

// What other nodes have asked for is counted as long as it is not over.
func TestServing(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		poll := later(func() engine.Reply { return door.get(sid) })
		if a, b := door.relay.Stats(), owner.relay.Stats(); a.Waiting != 1 || a.Serving != 0 || b.Serving != 1 || b.Waiting != 0 {
			t.Errorf("a poll hangs: %+v at the door, %+v at the owner", a, b)
		}
		_ = owner.session().SendText("x")
		poll()
		synctest.Wait()
		if s := owner.relay.Stats(); s.Serving != 0 || s.Served != 1 {
			t.Errorf("it is over: %+v", s)
		}
	})
}
