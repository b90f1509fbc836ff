package websocket

import (
	"bufio"
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestPong(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			r := bufio.NewReader(peer)
			for _, payload := range []string{"", "a", strings.Repeat("x", 125)} {
				send(peer, testFrame(ping, payload), 0)
				if got, err := nextFrame(r); err != nil || got != (seen{pong, false, payload}) {
					t.Fatalf("ping %.5q: got %+v, %v", payload, got, err)
				}
			}
			send(peer, join(testFrame(pong, "nobody asked"), testFrame(ping, "first"), testFrame(ping, "last")), 0)
			if got, err := nextFrame(r); err != nil || got.payload != "last" {
				t.Fatalf("two pings at once: got %+v, %v", got, err)
			}
			c.Abort()
			within(t, read)
		})
	}
}

// TestPingFlood pings without ever reading. The reader goes on, and at most one
// pong is kept.
func TestPingFlood(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			flood := bytes.Repeat(testFrame(ping, strings.Repeat("x", 125)), 100)
			go func() {
				for range 300 {
					peer.Write(flood)
				}
				peer.Write(testFrame(text, "through"))
			}()
			if got := readBatch(t, c); len(got) != 1 || got[0] != "through" {
				t.Errorf("delivered %q", got)
			}
			c.mu.Lock()
			if len(c.pong) > 127 {
				t.Errorf("%d bytes of pongs wait", len(c.pong))
			}
			c.mu.Unlock()
			c.Abort()
			c.awaitWriter()
		})
	}
}

// TestPongBehindWriter reads while WriteFrames is stuck; the pong follows the batch.
func TestPongBehindWriter(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			writeStuck(t, c, engine.BinaryFrame(make([]byte, 8_000_000)), engine.BinaryFrame(nil))
			for _, p := range []string{"1", "2", "3"} {
				send(peer, join(testFrame(ping, p), testFrame(text, p)), 0)
				if got := readBatch(t, c); len(got) != 1 || got[0] != p {
					t.Fatalf("delivered %q", got)
				}
			}
			r := bufio.NewReader(peer)
			for _, want := range []seen{{first: bin}, {first: bin}, {first: pong, payload: "3"}} {
				got, err := nextFrame(r)
				if err != nil || got.first != want.first || want.first == pong && got != want {
					t.Fatalf("got %x with %d bytes, %v", got.first, len(got.payload), err)
				}
			}
			c.Abort()
			c.awaitWriter()
		})
	}
}

// TestEverybodyAtOnce writes, pings and closes together. Frames must not mix, and
// nothing may follow the close frame.
func TestEverybodyAtOnce(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			for round := range 20 {
				ours, peer := network.dial(t)
				everybodyAtOnce(t, network.open(t, ours, nil, Config{}), peer, time.Duration(round)*time.Millisecond/4)
			}
		})
	}
}

func everybodyAtOnce(t *testing.T, c *Conn, peer net.Conn, closeAfter time.Duration) {
	read := readAll(c)
	var wg sync.WaitGroup
	wg.Go(func() {
		for c.WriteFrames(frames("one", strings.Repeat("2", 300), strings.Repeat("3", 20_000))) == nil {
		}
	})
	wg.Go(func() {
		for {
			if _, err := peer.Write(join(testFrame(ping, "p"), testFrame(text, "m"))); err != nil {
				return
			}
		}
	})
	for range 3 {
		wg.Go(func() {
			time.Sleep(closeAfter)
			c.Close(1000, "")
		})
	}
	r := bufio.NewReader(peer)
	for {
		s, err := nextFrame(r)
		if err != nil {
			t.Errorf("no close frame: %v", err)
			break
		}
		if s.first == clos {
			break
		}
		whole := s.payload == "one" || strings.Trim(s.payload, "2") == "" || strings.Trim(s.payload, "3") == ""
		if s.first == bin && !whole || s.first == pong && s.payload != "p" || s.first != bin && s.first != pong {
			t.Errorf("got %x %.20q", s.first, s.payload)
			break
		}
	}
	peer.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if s, err := nextFrame(r); err == nil {
		t.Errorf("behind the close frame came %x", s.first)
	}
	peer.Close()
	within(t, read)
	wg.Wait()
}
