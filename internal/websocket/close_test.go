package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kawat-go/kawat/core/engine"
)

func TestCloseHandshake(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			c.Close(1001, "going away")
			c.Close(1000, "too late")
			r := bufio.NewReader(peer)
			s, err := nextFrame(r)
			if err != nil || s.first != clos || s.payload != closePayload(1001, "going away") {
				t.Fatalf("the peer got %+v, %v", s, err)
			}
			// What was on its way is discarded, broken text too.
			send(peer, join(testFrame(text, "late"), testFrame(text, "\xff"), testFrame(ping, "x"), closing(closePayload(1001, ""))), 0)
			if _, err := nextFrame(r); err != io.EOF {
				t.Errorf("after our close frame the peer got %v, want the end", err)
			}
			got := within(t, read)
			var closed *CloseError
			if len(got.messages) != 0 || !errors.As(got.err, &closed) || closed.Code != 1001 {
				t.Errorf("got %q, %v", got.messages, got.err)
			}
			c.Close(1000, "")
			c.Abort()
			c.Abort()
			if err := c.WriteFrames(frames("a")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("writing after it: %v", err)
			}
		})
	}
}

func TestCloseFrames(t *testing.T) {
	for _, tt := range []struct {
		code   int
		reason string
		want   string
	}{
		{0, "", ""},
		{0, "ignored", ""},
		{1000, "", closePayload(1000, "")},
		{4999, "mine", closePayload(4999, "mine")},
		{1005, "x", ""},
		{1006, "x", ""},
		{1015, "x", ""},
		{70_000, "x", ""},
		{-1, "x", ""},
		{1000, strings.Repeat("x", 200), closePayload(1000, strings.Repeat("x", 123))},
		{1000, strings.Repeat("\u20ac", 42), closePayload(1000, strings.Repeat("\u20ac", 41))},
		{1000, strings.Repeat("y", 121) + "\u20ac", closePayload(1000, strings.Repeat("y", 121))},
	} {
		got := string(closeBody(tt.code, tt.reason))
		if got != tt.want || !utf8.ValidString(got[min(2, len(got)):]) {
			t.Errorf("Close(%d, %.10q): %q, want %q", tt.code, tt.reason, got, tt.want)
		}
	}
}

// TestViolationWhileSending: the close frame reaches a peer that was still
// sending, instead of a reset.
func TestViolationWhileSending(t *testing.T) {
	for _, network := range sockets {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{MaxPayload: 1000, CloseTimeout: time.Minute, DiscardTimeout: time.Minute})
			read, frames := readAll(c), watch(peer)
			// A reset would fail the write, and might take the close frame with it.
			if _, err := peer.Write(testFrame(bin, strings.Repeat("x", 16_000_000))); err != nil {
				t.Errorf("the peer could not finish: %v", err)
			}
			sent := within(t, frames)
			if len(sent) != 1 || sent[0].code() != 1009 {
				t.Errorf("the peer got %v, want code 1009", sent)
			}
			peer.Close()
			wantCode(t, within(t, read).err, 1009)
		})
	}
}

// TestCloseFullSocket: neither Close nor a pong waits for a peer that does not read.
func TestCloseFullSocket(t *testing.T) {
	for _, network := range sockets {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			fill(ours)
			c := network.open(t, ours, nil, Config{})
			start := time.Now()
			peer.Write(join(testFrame(ping, ""), testFrame(text, "a")))
			readBatch(t, c)
			c.Close(1000, "")
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
			c.Abort()
			c.awaitWriter()

			ours, _ = network.dial(t)
			fill(ours)
			c = network.open(t, ours, nil, Config{})
			start = time.Now()
			c.Close(1000, "")
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("Close took %v", took)
			}
			c.Abort()
			c.awaitWriter()
		})
	}
}

// TestCloseBehindWriter closes while WriteFrames is stuck half-way.
func TestCloseBehindWriter(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			payload := strings.Repeat("x", 1_000_000)
			written := writeStuck(t, c, frames(payload, "b", payload, "d", strings.Repeat(payload, 4))...)
			start := time.Now()
			c.Close(1000, "")
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("Close took %v", took)
			}
			sent := within(t, watchAndClose(peer))
			if err := within(t, written); err != nil {
				t.Errorf("the batch that was before: %v", err)
			}
			if len(sent) != 6 || sent[2].payload != payload || sent[5].first != clos {
				t.Errorf("the peer got %d frames, want 5 and a close frame", len(sent))
			}
			within(t, read)
		})
	}
}

// TestPeerClosesBehindWriter: the answer to a close frame waits for the batch.
func TestPeerClosesBehindWriter(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			writeStuck(t, c, engine.BinaryFrame(make([]byte, 8_000_000)))
			peer.Write(closing(closePayload(4001, "")))
			time.Sleep(20 * time.Millisecond)
			sent := within(t, watch(peer))
			if len(sent) != 2 || sent[1].first != clos || sent[1].code() != 4001 {
				t.Errorf("the peer got %d frames, want 1 and the answer", len(sent))
			}
			within(t, read)
		})
	}
}

func TestAbort(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			written := writeStuck(t, c, engine.BinaryFrame(make([]byte, 8_000_000)))
			c.Abort()
			if got := within(t, read); !errors.Is(got.err, io.EOF) {
				t.Errorf("reading: %v", got.err)
			}
			if err := within(t, written); err == nil {
				t.Error("writing went well")
			}
			peer.Close()
		})
	}
}
