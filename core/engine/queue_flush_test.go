package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestQueuedMessagesWaitForAFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, r := h.connectWebSocket()
		synctest.Wait() // whoever writes the handshake would take along what is queued
		_ = r.session.Queue(engine.BinaryFrame([]byte("a")))
		_ = r.session.Queue(engine.BinaryFrame([]byte("b")))
		synctest.Wait()
		wantMessages(t, "before Flush", p.rest())
		r.session.Flush()
		wantMessages(t, "when Flush returns", p.rest(), binary("a"), binary("b"))
		r.session.Flush()

		_ = r.session.Queue(engine.BinaryFrame([]byte("c")))
		_ = r.session.SendText("d")
		synctest.Wait()
		wantMessages(t, "sending flushes", p.rest(), binary("c"), "4d")

		_ = r.session.Queue(engine.BinaryFrame([]byte("last")))
		r.session.Close()
		synctest.Wait()
		wantMessages(t, "so does closing", p.rest(), binary("last"))
		wantBody(t, "reason", r.reason(), "forced close")
	})
}

func TestAFlushOfNothingAnswersNoPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{}).connect()
		poll := c.pollLater()
		synctest.Wait()
		c.session.Flush()
		_ = c.session.Queue(engine.BinaryFrame([]byte("a")))
		synctest.Wait()
		select {
		case got := <-poll:
			t.Errorf("answered %q", got)
		default:
		}
		c.session.Flush()
		wantBody(t, "the poll", <-poll, "bYQ==")
	})
}

// Whoever flushes waits for one write, not for what others go on queueing.
func TestAFlushEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, r := serve(t, engine.Config{}).connectWebSocket()
		synctest.Wait()
		p.stall()
		_ = r.session.Queue(engine.BinaryFrame([]byte("a")))
		flushed := make(chan struct{})
		go func() { r.session.Flush(); close(flushed) }()
		synctest.Wait()
		_ = r.session.SendText("b")
		p.letOneThrough()
		select {
		case <-flushed:
		case <-time.After(time.Second):
			t.Error("Flush waits for what was queued after it")
		}
		p.resume()
		synctest.Wait()
		wantMessages(t, "sent", p.rest(), binary("a"), "4b")
	})
}

// A session that closes hears nothing more, but delivers what it has: a message
// of the client's in between must not change that.
func TestAMessageDoesNotDisturbTheClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, r := h.connectWebSocket()
		p.stall()
		_ = r.session.SendText("one")
		synctest.Wait()
		_ = r.session.SendText("two")
		r.session.Close()
		p.send("4x", "2", "3")
		synctest.Wait()
		wantBody(t, "reason while closing", r.reason(), "")
		p.resume()
		synctest.Wait()
		wantMessages(t, "received", r.got())
		wantMessages(t, "sent", p.rest(), "4one", "4two")
		wantBody(t, "reason", r.reason(), "forced close")

		c := h.connect()
		_ = c.session.SendText("last")
		c.session.Close()
		wantStatus(t, "POST", c.post("4x"), 200, "ok")
		wantMessages(t, "received", c.got())
		wantBody(t, "poll", c.poll(), "4last")
	})
}
