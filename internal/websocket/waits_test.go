package websocket

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// Every wait of the package, with the defaults, over a pipe. begin makes it begin,
// now; the connection is gone at its end. err is what reading says then.
var waits = []struct {
	name  string
	takes time.Duration
	begin func(t *testing.T, c *Conn, peer net.Conn)
	err   error
	code  int // of the error of a peer that did wrong
}{
	{"write that nobody takes", 10 * time.Second, func(t *testing.T, c *Conn, _ net.Conn) {
		go func() {
			if err := c.WriteFrames(frames("a", "b")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("writing: %v", err)
			}
		}()
	}, io.EOF, 0},
	{"second write, which has its own time", 10 * time.Second, func(t *testing.T, c *Conn, peer net.Conn) {
		go func() { io.CopyN(io.Discard, peer, 3) }()
		if err := c.WriteFrames(frames("a")); err != nil {
			t.Error(err)
		}
		time.Sleep(9 * time.Second)
		go func() { _ = c.WriteFrames(frames("b")) }()
	}, io.EOF, 0},
	{"pong that nobody takes", 10 * time.Second, func(_ *testing.T, _ *Conn, peer net.Conn) {
		peer.Write(testFrame(ping, ""))
	}, io.EOF, 0},
	{"close frame, peer silent", 5 * time.Second, func(_ *testing.T, c *Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		c.Close(1000, "")
	}, io.EOF, 0},
	{"close frame, peer never reading", 5 * time.Second, func(_ *testing.T, c *Conn, _ net.Conn) { c.Close(1000, "") }, io.EOF, 0},
	{"close frame, peer talking on", 5 * time.Second, func(_ *testing.T, c *Conn, peer net.Conn) {
		go io.Copy(io.Discard, peer)
		go func() {
			for {
				if _, err := peer.Write(testFrame(text, "a")); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		c.Close(1000, "")
	}, io.EOF, 0},
	{"close frame behind a write that nobody takes", 5 * time.Second, func(_ *testing.T, c *Conn, _ net.Conn) {
		go func() { _ = c.WriteFrames(frames("a")) }()
		time.Sleep(time.Second)
		c.Close(1000, "")
	}, io.EOF, 0},
	{"close frame of a peer that did wrong", time.Second, func(_ *testing.T, _ *Conn, peer net.Conn) {
		send(peer, testFrame(text|0x20, ""), 0)
	}, nil, 1002},
}

func TestEveryWaitEndsOnTime(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, peer := net.Pipe()
				defer peer.Close()
				c := New(ours, nil, Config{})
				read := readAll(c)
				began := time.Now()
				w.begin(t, c, peer)
				start := time.Now()
				if took := start.Sub(began); took > 9*time.Second {
					t.Errorf("to begin took %v", took)
				}
				got := <-read
				if took := time.Since(start); took != w.takes {
					t.Errorf("gone after %v, want %v", took, w.takes)
				}
				if w.code != 0 {
					wantCode(t, got.err, w.code)
				} else if !errors.Is(got.err, w.err) {
					t.Errorf("got %v", got.err)
				}
				time.Sleep(time.Second) // who talks on notices
			})
		})
	}
}

// TestCloseWithoutReader: the connection goes even if nobody reads it.
func TestCloseWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, peer := net.Pipe()
		c := New(ours, nil, Config{CloseTimeout: 2 * time.Second})
		start := time.Now()
		c.Close(1000, "")
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		io.Copy(io.Discard, peer)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("dropped after %v, want 2s", took)
		}
	})
}
