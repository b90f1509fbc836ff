package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// tryStuck has TryWriteFrames leave something, since the peer does not read.
func tryStuck(t *testing.T, c *Conn, fs []*engine.Frame) {
	t.Helper()
	start := time.Now()
	if done, err := c.TryWriteFrames(fs); done || err != nil {
		t.Fatalf("TryWriteFrames: %v, %v; want something left", done, err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("TryWriteFrames took %v", took)
	}
}

func finishLater(c *Conn) <-chan error {
	ch := make(chan error, 1)
	go func() { ch <- c.FinishWrite() }()
	return ch
}

// wantFrames reads what a batch has to look like at the peer.
func wantFrames(t *testing.T, r *bufio.Reader, fs []*engine.Frame) {
	t.Helper()
	for i, f := range fs {
		got, err := nextFrame(r)
		if err != nil || got.first != bin || got.payload != string(f.Payload()) {
			t.Fatalf("frame %d: %x with %d bytes, %v; want %d bytes", i, got.first, len(got.payload), err, len(f.Payload()))
		}
	}
}

// mixed are frames of all sizes, some 14 MB of them, none like another.
func mixed() (fs []*engine.Frame) {
	for i := range 150 {
		size := []int{3, 200, 5000, bufferSize - 1, bufferSize, 3 * bufferSize, 600_000}[i%7]
		fs = append(fs, engine.BinaryFrame([]byte(strings.Repeat(string(rune('0'+i%64)), size+i))))
	}
	return fs
}

func overSockets(t *testing.T, cfg Config, f func(t *testing.T, c *Conn, peer net.Conn)) {
	for _, network := range sockets {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			fixBuffers(ours, peer)
			c := network.open(t, ours, nil, cfg)
			if !c.Prompt() {
				return // this system's sockets cannot be tried
			}
			f(t, c, peer)
			c.Abort()
			c.awaitWriter()
		})
	}
}

func TestTryWriteFrames(t *testing.T) {
	overSockets(t, Config{}, func(t *testing.T, c *Conn, peer net.Conn) {
		fs := frames("a", "", strings.Repeat("b", 300), strings.Repeat("c", bufferSize))
		for range 10 {
			if done, err := c.TryWriteFrames(fs); !done || err != nil {
				t.Fatalf("%v, %v", done, err)
			}
			wantFrames(t, bufio.NewReader(peer), fs)
		}
		if done, err := c.TryWriteFrames(nil); !done || err != nil {
			t.Errorf("nothing: %v, %v", done, err)
		}
	})
}

// TestFinishWrite: the rest follows where the trial has stopped, wherever that was,
// and the caller's list of frames is its own again at once.
func TestFinishWrite(t *testing.T) {
	overSockets(t, Config{}, func(t *testing.T, c *Conn, peer net.Conn) {
		all := mixed()
		given := append([]*engine.Frame(nil), all...)
		tryStuck(t, c, given)
		clear(given)
		finished := finishLater(c)
		r := bufio.NewReader(peer)
		wantFrames(t, r, all)
		if err := within(t, finished); err != nil {
			t.Fatal(err)
		}
		if done, err := c.TryWriteFrames(all[:3]); !done || err != nil {
			t.Errorf("afterwards: %v, %v", done, err)
		}
		wantFrames(t, r, all[:3])
	})
}

// TestFinishWriteOwnsTheRest: what is left of a pooled buffer is kept apart from it.
func TestFinishWriteOwnsTheRest(t *testing.T) {
	overSockets(t, Config{}, func(t *testing.T, c *Conn, peer net.Conn) {
		var fs []*engine.Frame
		for i := range 3000 {
			fs = append(fs, engine.BinaryFrame([]byte(strings.Repeat(string(rune('0'+i%64)), 1000+i%3000))))
		}
		tryStuck(t, c, fs)
		for range 10 {
			var all [][]byte
			for range 10 {
				b := newBuffer(bufferSize)
				clear(b[:bufferSize])
				all = append(all, b)
			}
			for _, b := range all {
				freeBuffer(b)
			}
		}
		finished := finishLater(c)
		wantFrames(t, bufio.NewReader(peer), fs)
		if err := within(t, finished); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFinishWriteTimeout: the peer has WriteTimeout for it, and the next batch has
// its own.
func TestFinishWriteTimeout(t *testing.T) {
	overSockets(t, Config{WriteTimeout: 3 * time.Second}, func(t *testing.T, c *Conn, peer net.Conn) {
		r := bufio.NewReader(peer)
		for range 2 {
			fs := mixed()[:14]
			tryStuck(t, c, fs)
			finished := finishLater(c)
			wantFrames(t, r, fs)
			if err := within(t, finished); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3050 * time.Millisecond)
		}
		read := readAll(c)
		tryStuck(t, c, mixed())
		start := time.Now()
		err := within(t, finishLater(c))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took < 3*time.Second || took > 30*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if got := within(t, read); !errors.Is(got.err, io.EOF) {
			t.Errorf("reading: %v", got.err)
		}
		if done, err := c.TryWriteFrames(frames("a")); !done || !errors.Is(err, net.ErrClosed) {
			t.Errorf("writing on: %v, %v", done, err)
		}
	})
}

// TestPongBetween: pings are answered behind what TryWriteFrames has left, whether
// they come before FinishWrite is called, or while it waits.
func TestPongBetween(t *testing.T) {
	overSockets(t, Config{}, func(t *testing.T, c *Conn, peer net.Conn) {
		fs := mixed()
		tryStuck(t, c, fs)
		for _, p := range []string{"1", "2"} {
			peer.Write(join(testFrame(ping, p), testFrame(text, p)))
			if got := readBatch(t, c); len(got) != 1 || got[0] != p {
				t.Fatalf("delivered %q", got)
			}
			if p == "1" {
				defer within(t, finishLater(c))
				time.Sleep(10 * time.Millisecond)
			}
		}
		r := bufio.NewReader(peer)
		wantFrames(t, r, fs)
		if got, err := nextFrame(r); err != nil || got != (seen{pong, false, "2"}) {
			t.Errorf("behind it: %v, %v", got, err)
		}
	})
}

// TestTryBehindPong: a pong that does not get through goes first.
func TestTryBehindPong(t *testing.T) {
	for _, network := range sockets {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			fixBuffers(ours, peer)
			fill(ours)
			c := network.open(t, ours, nil, Config{})
			if !c.Prompt() {
				return
			}
			peer.Write(join(testFrame(ping, "p"), testFrame(text, "a")))
			readBatch(t, c)
			fs := frames("behind", strings.Repeat("x", 3*bufferSize))
			given := append([]*engine.Frame(nil), fs...)
			tryStuck(t, c, given)
			clear(given)
			finished := finishLater(c)
			r := bufio.NewReader(peer)
			for b := byte(0); b == 0; { // what fill has written
				b, _ = r.ReadByte()
			}
			_ = r.UnreadByte()
			if got, err := nextFrame(r); err != nil || got != (seen{pong, false, "p"}) {
				t.Fatalf("got %x with %d bytes, %v; want the pong", got.first, len(got.payload), err)
			}
			wantFrames(t, r, fs)
			if err := within(t, finished); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCloseBetween: a close frame goes behind what TryWriteFrames has left.
func TestCloseBetween(t *testing.T) {
	overSockets(t, Config{}, func(t *testing.T, c *Conn, peer net.Conn) {
		read, fs := readAll(c), mixed()
		tryStuck(t, c, fs)
		c.Close(1001, "")
		if done, err := c.TryWriteFrames(frames("late")); !done || !errors.Is(err, net.ErrClosed) {
			t.Fatalf("behind the close frame: %v, %v", done, err)
		}
		finished, sent := finishLater(c), watchAndClose(peer)
		got := within(t, sent)
		if len(got) != len(fs)+1 || got[len(fs)].code() != 1001 {
			t.Fatalf("the peer got %d frames, want %d and a close frame", len(got), len(fs))
		}
		for i, f := range fs {
			if got[i].payload != string(f.Payload()) {
				t.Fatalf("frame %d has %d bytes, want %d", i, len(got[i].payload), len(f.Payload()))
			}
		}
		if err := within(t, finished); err != nil {
			t.Error(err)
		}
		within(t, read)
	})
}

// TestAbortBetween: dropping the connection ends the wait.
func TestAbortBetween(t *testing.T) {
	overSockets(t, Config{}, func(t *testing.T, c *Conn, _ net.Conn) {
		read := readAll(c)
		tryStuck(t, c, mixed())
		finished := finishLater(c)
		time.Sleep(10 * time.Millisecond)
		c.Abort()
		if err := within(t, finished); err == nil {
			t.Error("writing went well")
		}
		within(t, read)
	})
}

// TestTryBroken writes to a peer that is gone.
func TestTryBroken(t *testing.T) {
	overSockets(t, Config{}, func(t *testing.T, c *Conn, peer net.Conn) {
		_ = peer.(*net.TCPConn).SetLinger(0)
		peer.Close()
		time.Sleep(10 * time.Millisecond)
		if done, err := c.TryWriteFrames(frames("a")); !done || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%v, %v", done, err)
		}
		if err := readOnce(c, nil); !errors.Is(err, io.EOF) {
			t.Errorf("reading: %v", err)
		}
	})
}
