package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestPollingCarriesMessagesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		wantStatus(t, "POST", c.post("4hello\x1ebAQID\x1e4\x1eb"), 200, "ok")
		wantMessages(t, "received", c.got(), "hello", binary("\x01\x02\x03"), "", binary(""))
		if c.flushes != 4 {
			t.Errorf("flushed after %d messages, want 4", c.flushes)
		}

		poll := c.pollLater()
		synctest.Wait()
		if !c.session.Writable() {
			t.Error("not writable while a poll hangs")
		}
		_ = c.session.SendText("at once")
		if c.session.Writable() {
			t.Error("writable although the poll has been used")
		}
		wantBody(t, "the poll", <-poll, "4at once")
		_ = c.session.SendText("one")
		_ = c.session.SendBinary([]byte{1, 2, 3})
		_ = c.session.SendText("")
		_ = c.session.SendBinary(nil)
		wantBody(t, "the next poll", c.poll(), "4one\x1ebAQID\x1e4\x1eb")
	})
}

// The response's size was once guessed in a way that grew by a third with each
// binary message.
func TestManyBinaryMessagesLeaveInOnePoll(t *testing.T) {
	c := serve(t, engine.Config{}).connect()
	for range 5000 {
		if err := c.session.SendBinary([]byte("ab")); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := c.poll(), strings.Repeat("bYWI=\x1e", 4999)+"bYWI="; got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

func TestSendingNothingAnswersNoPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{}).connect()
		poll := c.pollLater()
		synctest.Wait()
		if err := c.session.SendFrames(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case got := <-poll:
			t.Errorf("the poll is answered %q", got)
		default:
		}
		_ = c.session.SendText("x")
		wantBody(t, "the poll", <-poll, "4x")
	})
}

func TestAClientThatLeavesItsPollEndsItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		ctx, cancel := context.WithCancel(context.Background())
		poll := make(chan engine.Reply)
		go func() { poll <- h.ServePoll(ctx, request("GET", c.query(), "")) }()
		synctest.Wait()
		cancel()
		wantStatus(t, "the poll", <-poll, 400, "")
		wantBody(t, "reason", c.reason(), "transport error")
		wantBody(t, "cause", c.description(), "poll connection closed prematurely")

		// What is queued must not leave into the void either.
		c = h.connect()
		_ = c.session.SendText("x")
		wantStatus(t, "a poll without a client", h.ServePoll(ctx, request("GET", c.query(), "")), 400, "")
		wantBody(t, "reason", c.reason(), "transport error")
	})
}

func TestPacketsThatMeanNothingToTheServer(t *testing.T) {
	c := serve(t, engine.Config{}).connect()
	wantStatus(t, "open, upgrade, noop and a pong", c.post("0{}\x1e5\x1e6\x1e3\x1e4x"), 200, "ok")
	wantMessages(t, "received", c.got(), "x")
	wantBody(t, "reason", c.reason(), "")
}

func TestBodiesThatEndTheSession(t *testing.T) {
	for _, c := range []struct {
		body, reason, cause string
		status              int
		received            []message
	}{
		{"", "parse error", "invalid packet", 400, nil},
		{"abc", "parse error", "invalid packet", 400, nil},
		{"7x", "parse error", "invalid packet", 400, nil},
		{"b!!!!", "parse error", "invalid packet", 400, nil},
		{"bAQI", "parse error", "invalid packet", 400, nil},
		{"4\xff", "parse error", "invalid packet", 400, nil},
		{"\xef\xbb\xbf4x", "parse error", "invalid packet", 400, nil},
		{strings.Repeat("\x1e", 100), "parse error", "invalid packet", 400, nil},
		{"4a\x1e4b\x1e", "parse error", "invalid packet", 400, []message{"a", "b"}},
		{"4a\x1e2\x1e4b", "transport error", "invalid heartbeat direction", 400, []message{"a"}},
		{"4a\x1e1\x1e4b", "transport close", "", 200, []message{"a"}},
	} {
		t.Run(fmt.Sprintf("%.20q", c.body), func(t *testing.T) {
			client := serve(t, engine.Config{}).connect()
			if got := client.post(c.body).Status; got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			wantBody(t, "reason", client.reason(), c.reason)
			wantBody(t, "cause", client.description(), c.cause)
			wantMessages(t, "received", client.got(), c.received...)
			if client.flushes != len(c.received) {
				t.Errorf("flushed after %d messages, want %d", client.flushes, len(c.received))
			}
			wantStatus(t, "the next request", client.post("4x"), 400, `{"code":1,"message":"Session ID unknown"}`)
		})
	}
}

// A part of a body is never used, and a body that is too long hurts nobody.
func TestBodiesThatAreNotWhole(t *testing.T) {
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		status int
		reason string
	}{
		"none":                 {nil, 0, 400, "parse error"},
		"cut":                  {strings.NewReader("4ab"), 10, 400, "transport error"},
		"longer than declared": {strings.NewReader("4abc"), 2, 400, "transport error"},
		"broken":               {io.MultiReader(strings.NewReader("4ab"), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, 400, "transport error"},
		"declared too long":    {iotest.ErrReader(io.ErrUnexpectedEOF), 1001, 413, ""},
		"too long":             {strings.NewReader("4" + strings.Repeat("x", 1000)), -1, 413, ""},
		"just short enough":    {strings.NewReader("4" + strings.Repeat("x", 999)), -1, 200, ""},
		"a byte at a time":     {iotest.OneByteReader(strings.NewReader("4abc")), 4, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, golden())
			client := h.connect()
			r := request("POST", client.query(), "")
			r.Body, r.ContentLength = c.body, c.length
			reply := h.ServePoll(context.Background(), r)
			if reply.Status != c.status {
				t.Errorf("status %d, want %d", reply.Status, c.status)
			}
			if reply.Status == 413 && reply.Header.Get("Connection") != "close" {
				t.Error("what is left of the body would be read as a request")
			}
			wantBody(t, "reason", client.reason(), c.reason)
			if c.status != 200 && len(client.got()) > 0 {
				t.Errorf("received %q", client.got())
			}
			if c.reason == "" {
				wantStatus(t, "the next POST", client.post("4x"), 200, "ok")
			}
		})
	}
}

func TestABodyHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{BodyTimeout: 700 * time.Millisecond})
		for _, c := range []struct {
			arrives time.Duration
			status  int
			reason  string
		}{{699 * time.Millisecond, 200, ""}, {time.Hour, 408, "transport error"}} {
			client := h.connect()
			slow := newSlowBody("4x")
			r := request("POST", client.query(), "4x")
			r.Body, r.SetReadDeadline = slow, slow.setDeadline
			timer := time.AfterFunc(c.arrives, slow.release)
			start := time.Now()
			reply := h.ServePoll(context.Background(), r)
			if took, want := time.Since(start), min(c.arrives, 700*time.Millisecond); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
			if reply.Status != c.status || slow.resets != 1 {
				t.Errorf("status %d, want %d; %d resets of the deadline, want 1", reply.Status, c.status, slow.resets)
			}
			wantBody(t, "reason", client.reason(), c.reason)
			timer.Stop()
		}
	})
}

// The host's body and its deadline end with the request; the request itself
// lives as long as the session.
func TestAHandshakeKeepsNoBody(t *testing.T) {
	h := serve(t, engine.Config{})
	r := request("GET", polling, "")
	r.Body, r.SetReadDeadline = bytes.NewReader(nil), func(time.Time) error { return nil }
	sid := sidPattern.FindSubmatch(h.ServePoll(context.Background(), r).Body)
	kept := h.recorder(string(sid[1])).session.Request()
	if kept.Body != nil || kept.SetReadDeadline != nil {
		t.Error("the session keeps the body of its handshake")
	}
	if kept.RemoteAddr != "192.0.2.1:1234" || kept.RawQuery != polling {
		t.Errorf("the handshake is kept as %+v", kept)
	}
}

func TestAPollingSessionClosesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		_ = c.session.SendText("last")
		c.session.Close()
		c.session.Close()
		if err := c.session.SendText("too late"); err != engine.ErrClosed {
			t.Errorf("sending after Close: %v", err)
		}
		wantBody(t, "still open", c.reason(), "")
		wantBody(t, "first what was queued", c.poll(), "4last")
		wantBody(t, "then the end", c.poll(), "1")
		wantBody(t, "reason", c.reason(), "forced close")
		wantStatus(t, "afterwards", do(h.Server, "GET", c.query(), ""), 400, `{"code":1,"message":"Session ID unknown"}`)

		c = h.connect()
		poll := c.pollLater()
		synctest.Wait()
		c.session.Close()
		wantBody(t, "a poll that hangs", <-poll, "1")
	})
}

func TestAPollingSessionThatIsNotFetchedClosesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{CloseTimeout: 3 * time.Second})
		c := h.connect()
		_ = c.session.SendText("never fetched")
		c.session.Close()
		time.Sleep(3*time.Second - time.Millisecond)
		wantBody(t, "reason just before", c.reason(), "")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantBody(t, "reason", c.reason(), "forced close")
		if stats := h.Stats(); stats.QueuedBytes != 0 || stats.Sessions != 0 {
			t.Errorf("left: %+v", stats)
		}
	})
}

func TestCloseNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{})
		c := h.connect()
		_ = c.session.SendText("never fetched")
		c.session.CloseNow()
		wantBody(t, "reason", c.reason(), "forced close")
		if stats := h.Stats(); stats.QueuedBytes != 0 || stats.Sessions != 0 {
			t.Errorf("left: %+v", stats)
		}
		c = h.connect()
		poll := c.pollLater()
		synctest.Wait()
		c.session.CloseNow()
		wantBody(t, "a poll that hangs", <-poll, "1")
	})
}

// A client that closes its session may have sent a poll just before, which a
// parallel server can see just after.
func TestAPollThatTheCloseOvertakesIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{}).connect()
		wantStatus(t, "close", c.post("1"), 200, "ok")
		wantBody(t, "reason", c.reason(), "transport close")
		wantBody(t, "the poll", c.poll(), "6")
		wantBody(t, "another", c.poll(), "400")

		c = serve(t, engine.Config{}).connect()
		_ = c.post("1")
		time.Sleep(100 * ms)
		synctest.Wait()
		wantBody(t, "a poll that comes later", c.poll(), "400")

		c = serve(t, engine.Config{}).connect()
		poll := c.pollLater()
		synctest.Wait()
		_ = c.post("1")
		wantBody(t, "the poll that hangs", <-poll, "6")
		wantBody(t, "the next", c.poll(), "400")
	})
}

// The end of a session ends the wait for a body that it will not use.
func TestTheEndOfASessionFreesItsPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{}).connect()
		slow := newSlowBody("4x")
		r := request("POST", c.query(), "")
		r.Body, r.SetReadDeadline, r.ContentLength = slow, slow.setDeadline, -1
		answer := make(chan engine.Reply, 1)
		start := time.Now()
		go func() { answer <- c.host.ServePoll(context.Background(), r) }()
		synctest.Wait()
		c.session.Close()
		_ = c.poll()
		<-answer
		if took := time.Since(start); took != 0 {
			t.Errorf("freed after %v", took)
		}
	})
}
