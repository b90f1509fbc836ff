package engine_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestAWebSocketCarriesMessagesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, r := h.connectWebSocket()
		p.send("4one", binary("\x01"), "4")
		p.send("4two")
		synctest.Wait()
		wantMessages(t, "received", r.got(), "one", binary("\x01"), "", "two")
		if r.flushes != 4 {
			t.Errorf("flushed after %d messages, want 4", r.flushes)
		}
		if !r.session.Writable() || r.session.Transport() != engine.WebSocket {
			t.Error("an idle WebSocket is not writable, or not one")
		}
		_ = r.session.SendText("a")
		_ = r.session.SendBinary([]byte{2})
		synctest.Wait()
		wantMessages(t, "sent", p.rest(), "4a", binary("\x02"))
		if stats := h.Stats(); stats.Sessions != 1 || stats.WebSockets != 1 || stats.QueuedBytes != 0 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

// What the user sends in OnConnection leaves together with the open packet, and
// what comes while a write is under way leaves together after it.
func TestWhatWaitsLeavesInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serveWith(t, engine.Config{}, func(r *recorder) {
			_ = r.session.SendText("hello")
			if r.session.Writable() {
				t.Error("writable before the open packet has left")
			}
		})
		p, r := h.connectWebSocket()
		p.stall()
		for i := range 10 {
			_ = r.session.SendText(fmt.Sprint(i))
			synctest.Wait()
		}
		if r.session.Writable() {
			t.Error("writable while a write hangs")
		}
		p.resume()
		synctest.Wait()
		wantMessages(t, "sent", p.rest(), "4hello", "40", "41", "42", "43", "44", "45", "46", "47", "48", "49")
		if got := fmt.Sprint(p.batches); got != "[2 1 9]" {
			t.Errorf("written in batches of %v, want [2 1 9]", got)
		}
	})
}

// A client that is sent more and more while it connects must be heard all the same.
func TestReadingDoesNotWaitForAQueueThatKeepsFilling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serveWith(t, engine.Config{}, func(r *recorder) { _ = r.session.SendText("x") })
		p := newPipe(t)
		p.writes = make(chan struct{})
		h.dialTo(p, webSocket)
		synctest.Wait()
		var r *recorder
		h.recorders.Range(func(_, v any) bool { r = v.(*recorder); return false })
		p.send("4heard")
		for range 5 {
			_ = r.session.SendText("more")
			p.writes <- struct{}{}
			synctest.Wait()
		}
		wantMessages(t, "received", r.got(), "heard")
		close(p.writes)
	})
}

func TestHowAWebSocketSessionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		do            func(p *pipe, s *engine.Session)
		reason, cause string
		received      []message
	}{
		"the client leaves":            {func(p *pipe, _ *engine.Session) { p.end(io.EOF) }, "transport close", "EOF", nil},
		"leaves with a last message":   {func(p *pipe, _ *engine.Session) { p.sendAndEnd(io.EOF, "4bye") }, "transport close", "EOF", []message{"bye"}},
		"breaks the framing":           {func(p *pipe, _ *engine.Session) { p.end(&engine.ConnError{Code: 1002, Reason: "bad opcode"}) }, "transport error", "bad opcode (close code 1002)", nil},
		"breaks it after a message":    {func(p *pipe, _ *engine.Session) { p.sendAndEnd(&engine.ConnError{Code: 1002, Reason: "x"}, "4a") }, "transport error", "x (close code 1002)", []message{"a"}},
		"an empty text":                {func(p *pipe, _ *engine.Session) { p.send("4a", "", "4b") }, "parse error", "invalid packet", []message{"a"}},
		"an unknown packet":            {func(p *pipe, _ *engine.Session) { p.send("4a", "9", "4b") }, "parse error", "invalid packet", []message{"a"}},
		"a ping from the client":       {func(p *pipe, _ *engine.Session) { p.send("4a", "2", "4b") }, "transport error", "invalid heartbeat direction", []message{"a"}},
		"noop, upgrade, close, a pong": {func(p *pipe, _ *engine.Session) { p.send("6", "5", "1", "0", "3", "4a") }, "", "", []message{"a"}},
		"the server closes":            {func(_ *pipe, s *engine.Session) { s.Close() }, "forced close", "", nil},
		"a write fails": {func(p *pipe, s *engine.Session) { p.failWrites(io.ErrClosedPipe); _ = s.SendText("x") },
			"transport close", "io: read/write on closed pipe", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				p, r := h.connectWebSocket()
				c.do(p, r.session)
				synctest.Wait()
				wantBody(t, "reason", r.reason(), c.reason)
				wantBody(t, "cause", r.description(), c.cause)
				wantMessages(t, "received", r.got(), c.received...)
				if r.flushes != len(c.received) {
					t.Errorf("flushed after %d messages, want %d", r.flushes, len(c.received))
				}
				if ended := c.reason != ""; p.isClosed() != ended || (h.ClientsCount() == 0) != ended {
					t.Errorf("connection closed: %v; sessions: %d", p.isClosed(), h.ClientsCount())
				}
			})
		})
	}
}

// Close is an orderly end: what was sent before it arrives, and the peer has time
// to answer the close frame; a peer that never does is dropped.
func TestAWebSocketClosesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, r := h.connectWebSocket()
		p.silent = true
		p.stall()
		_ = r.session.SendText("one")
		synctest.Wait()
		_ = r.session.SendText("two")
		r.session.Close()
		synctest.Wait()
		if p.isClosed() || r.reason() != "" {
			t.Error("closed before the queue was delivered")
		}
		if err := r.session.SendText("three"); err != engine.ErrClosed {
			t.Errorf("sending after Close: %v", err)
		}
		p.resume()
		synctest.Wait()
		wantMessages(t, "sent", p.rest(), "4one", "4two")
		wantBody(t, "reason", r.reason(), "forced close")
		for range 3 {
			p.send("4ignored") // must not be taken for the answer
			synctest.Wait()
		}
		if p.isAborted() {
			t.Error("dropped before the peer could answer")
		}
		wantMessages(t, "received", r.got())
		time.Sleep(closePatience)
		synctest.Wait()
		if !p.isAborted() {
			t.Error("a silent peer is not dropped")
		}
	})
}

// A client that cannot have binary messages says b64, and may itself send base64.
func TestBinaryTravelsAsTextForThoseWhoAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		p, reply := h.dial(webSocket + "&b64=1")
		if p == nil {
			t.Fatalf("refused: %d", reply.Status)
		}
		sid := sidPattern.FindStringSubmatch(string(p.next()))
		r := h.recorder(sid[1])
		p.send("bAQID")
		synctest.Wait()
		wantMessages(t, "received", r.got(), binary("\x01\x02\x03"))
		_ = r.session.SendBinary([]byte{1, 2, 3})
		_ = r.session.SendText("a")
		synctest.Wait()
		wantMessages(t, "sent", p.rest(), "bAQID", "4a")
	})
}

// b64 is said of each transport, so a WebSocket that takes over goes by its own
// request, also with what was queued before.
func TestAnUpgradeSaysForItselfHowBinaryTravels(t *testing.T) {
	binaryForm, textForm := binary("\x01\x02\x03"), message("bAQID")
	for _, allow := range []bool{false, true} {
		for _, row := range []struct {
			handshake, upgrade string
			want               message
		}{
			{"", "", binaryForm}, {"&b64=1", "", binaryForm}, {"", "&b64=1", textForm}, {"&b64=1", "&b64=1", textForm},
			{"&j=0&b64=1", "", binaryForm}, {"&j=0", "&b64=1", textForm},
		} {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{AllowEIO3: allow})
				c := h.connectOld(polling + row.handshake)
				_ = c.session.SendBinary([]byte{1, 2, 3})
				if got := c.poll(); !strings.Contains(got, "bAQID") {
					t.Errorf("%+v: polled %q", row, got)
				}
				p, _ := h.dial("EIO=4&transport=websocket&sid=" + c.session.ID() + row.upgrade)
				p.send("2probe")
				wantBody(t, "probe", string(p.next()), "3probe")
				_ = c.session.SendBinary([]byte{1, 2, 3})
				p.send("5")
				synctest.Wait()
				_ = c.session.SendBinary([]byte{1, 2, 3})
				_ = c.session.SendText("a")
				synctest.Wait()
				wantMessages(t, fmt.Sprintf("%+v, AllowEIO3 %v", row, allow), p.rest(), row.want, row.want, "4a")
			})
		}
	}
}
