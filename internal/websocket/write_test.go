package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// frames makes a binary frame of each payload.
func frames(payloads ...string) (fs []*engine.Frame) {
	for _, p := range payloads {
		fs = append(fs, engine.BinaryFrame([]byte(p)))
	}
	return fs
}

// A countingConn is one without a descriptor to use.
type countingConn struct {
	net.Conn
	writes, deadlines atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) { c.writes.Add(1); return c.Conn.Write(b) }

func (c *countingConn) SetWriteDeadline(t time.Time) error {
	c.deadlines.Add(1)
	return c.Conn.SetWriteDeadline(t)
}

// A countingRaw counts the writes to a descriptor.
type countingRaw struct {
	syscall.RawConn
	writes atomic.Int64
}

func (c *countingRaw) Write(f func(uintptr) bool) error { c.writes.Add(1); return c.RawConn.Write(f) }

func TestCoalescing(t *testing.T) {
	small, large := strings.Repeat("s", 100), strings.Repeat("l", 3*bufferSize)
	for _, tt := range []struct {
		name     string
		payloads []string
		writes   int64
	}{
		{"none", nil, 0},
		{"one", []string{small}, 1},
		{"one large", []string{large}, 1},
		{"fifty small", repeat(small, 50), 1},
		{"two buffers full", repeat(small, 2*bufferSize/102), 2},
		{"large among small", []string{small, small, large, small, small}, 3},
		{"large last", []string{small, large}, 2},
		{"empty", []string{"", ""}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours, peer := dialTCP(t)
			conn := &countingConn{Conn: ours}
			plain := New(conn, nil, Config{})
			testCoalescing(t, plain, peer, tt.payloads)
			want := tt.writes
			for _, payload := range tt.payloads {
				want += int64(len(payload) / piece) // whatever is larger has a deadline for each piece
			}
			if got := conn.writes.Load(); got != want {
				t.Errorf("%d calls of Write, want %d", got, want)
			}

			ours, peer = dialTCP(t)
			c := New(ours, nil, Config{})
			if c.raw == nil {
				return
			}
			raw := &countingRaw{RawConn: c.raw}
			c.raw = raw
			testCoalescing(t, c, peer, tt.payloads)
			if got := raw.writes.Load(); got != tt.writes {
				t.Errorf("%d writes to the descriptor, want %d", got, tt.writes)
			}
		})
	}
}

func repeat(s string, n int) (all []string) {
	for range n {
		all = append(all, s)
	}
	return all
}

func testCoalescing(t *testing.T, c *Conn, peer net.Conn, payloads []string) {
	t.Helper()
	if err := c.WriteFrames(frames(payloads...)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(peer)
	for i, want := range payloads {
		got, err := nextFrame(r)
		if err != nil || got.first != bin || got.masked || got.payload != want {
			t.Fatalf("frame %d: %x with %d bytes, %v", i, got.first, len(got.payload), err)
		}
	}
}

// TestWriteTimeoutTCP has a peer that reads nothing, then one that reads slowly.
func TestWriteTimeoutTCP(t *testing.T) {
	for _, network := range sockets {
		t.Run(network.name, func(t *testing.T) { testWriteTimeout(t, network) })
	}
}

func testWriteTimeout(t *testing.T, network network) {
	ours, peer := network.dial(t)
	fixBuffers(ours, peer)
	c := network.open(t, ours, nil, Config{WriteTimeout: 100 * time.Millisecond})
	start := time.Now()
	err := c.WriteFrames([]*engine.Frame{engine.BinaryFrame(make([]byte, 16_000_000))})
	if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took < 100*time.Millisecond || took > 30*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	if err := readOnce(c, nil); err == nil {
		t.Error("the connection is still there")
	}

	ours, peer = network.dial(t)
	fixBuffers(ours, peer)
	c = network.open(t, ours, nil, Config{WriteTimeout: 3 * time.Second})
	for range 2 {
		written := writeStuck(t, c, engine.BinaryFrame(make([]byte, 1_000_000)))
		time.Sleep(50 * time.Millisecond) // long enough to meet a full socket
		if s, err := nextFrame(bufio.NewReaderSize(peer, 16)); err != nil || len(s.payload) != 1_000_000 {
			t.Fatalf("%d bytes, %v", len(s.payload), err)
		}
		if err := within(t, written); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3100 * time.Millisecond) // the deadline of the first batch must not hit the second
	}
}

// TestSlowPeer has one that always takes something, but not for long enough to be
// through before WriteTimeout.
func TestSlowPeer(t *testing.T) {
	const timeout, sip, sips = time.Second, 20_000, 30
	for _, network := range sockets {
		t.Run(network.name, func(t *testing.T) {
			t.Parallel()
			ours, peer := network.dial(t)
			fixBuffers(ours, peer)
			c := network.open(t, ours, nil, Config{WriteTimeout: timeout})
			if _, _, ok := c.Progress(); !ok {
				return // this system does not tell
			}
			written := writeStuck(t, c, engine.BinaryFrame(make([]byte, sip*sips)))
			started := time.Now()
			for n := range sips {
				if _, err := io.CopyN(io.Discard, peer, sip); err != nil {
					t.Fatalf("cut at sip %d: %v", n, err)
				}
				time.Sleep(timeout / 10)
			}
			if err := within(t, written); err != nil || time.Since(started) < timeout {
				t.Errorf("after %v: %v", time.Since(started), err)
			}
			if taken, sent, _ := c.Progress(); taken < sip*(sips-1) || taken > sent {
				t.Errorf("%d taken of %d", taken, sent)
			}
			c.Abort()
			if _, _, ok := c.Progress(); ok {
				t.Error("a connection that is closed gets on")
			}
		})
	}
}

// TestSlowPieces has a peer of whom it cannot be told what it has taken: it has
// WriteTimeout for each piece.
func TestSlowPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, peer := net.Pipe()
		c := New(ours, nil, Config{WriteTimeout: 10 * time.Second})
		read := readAll(c)
		written := make(chan error, 1)
		go func() { written <- c.WriteFrames([]*engine.Frame{engine.BinaryFrame(make([]byte, 10*piece))}) }()
		for range 3 {
			time.Sleep(9999 * time.Millisecond)
			if _, err := io.CopyN(io.Discard, peer, piece); err != nil {
				t.Fatal(err)
			}
		}
		last := time.Now()
		if err := <-written; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(last), err)
		}
		<-read
		peer.Close()
	})
}

// TestClientMasks sends through the client role what the peer unmasks by itself.
func TestClientMasks(t *testing.T) {
	for _, network := range networks {
		ours, peer := network.dial(t)
		c := network.open(t, ours, nil, Config{Client: true})
		large := strings.Repeat("l", 70_000)
		go func() {
			c.WriteFrames(frames("a", large))
			c.WriteMessage(false, []byte("text"))
			c.Close(1000, "bye")
		}()
		r := bufio.NewReader(peer)
		for _, want := range []seen{{bin, true, "a"}, {bin, true, large}, {text, true, "text"}, {clos, true, closePayload(1000, "bye")}} {
			if got, err := nextFrame(r); err != nil || got != want {
				t.Fatalf("%s: got %x with %d bytes, %v", network.name, got.first, len(got.payload), err)
			}
		}
		c.Abort()
	}
}
