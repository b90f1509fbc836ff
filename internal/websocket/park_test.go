package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/epoll"
)

// openPair opens a parked connection, where the system can.
func openPair(t *testing.T, cfg Config) (c *Conn, peer net.Conn) {
	t.Helper()
	if !epoll.Supported() {
		return nil, nil
	}
	ours, peer := dialTCP(t)
	return openParked(t, ours, nil, cfg), peer
}

// TestParkedSplit sends a stream in two parts, with time to come to rest in
// between, cut at every byte.
func TestParkedSplit(t *testing.T) {
	if !epoll.Supported() {
		return
	}
	stream := join(
		testFrame(text, "first"), testFrame(0x02, "frag"), testFrame(ping, "p"), testFrame(fin|cont, "ments"),
		testFrame(bin, strings.Repeat("x", 200)), closing(closePayload(1000, "bye")))
	want := []string{"t:first", "b:fragments", "b:" + strings.Repeat("x", 200)}
	var all sync.WaitGroup
	for cut := range stream {
		ours, peer := dialTCP(t)
		c := openParked(t, ours, nil, Config{})
		read, frames := readAll(c), watchAndClose(peer)
		all.Go(func() {
			peer.Write(stream[:cut])
			time.Sleep(20 * time.Millisecond)
			peer.Write(stream[cut:])
			got := <-read
			var closed *CloseError
			if !slices.Equal(got.messages, want) || !errors.As(got.err, &closed) || closed.Code != 1000 || closed.Reason != "bye" {
				t.Errorf("cut at %d: %q, %v", cut, got.messages, got.err)
			}
			if sent := <-frames; len(sent) != 2 || sent[0] != (seen{pong, false, "p"}) || sent[1].code() != 1000 {
				t.Errorf("cut at %d: the peer got %v", cut, sent)
			}
		})
	}
	all.Wait()
}

// TestParkedSlices sends messages of many sizes, in slices that end anywhere.
func TestParkedSlices(t *testing.T) {
	var stream []byte
	var want []string
	for range 2000 {
		payload := strings.Repeat(string(rune('a'+rand.IntN(26))), min(rand.IntN(300)*rand.IntN(300)/(1+rand.IntN(300)), 60_000))
		stream = append(stream, testFrame(bin, payload)...)
		want = append(want, "b:"+payload)
	}
	stream = append(stream, closing("")...)
	c, peer := openPair(t, Config{})
	if c == nil {
		return
	}
	read := readAll(c)
	go func() {
		for len(stream) > 0 {
			n := min(len(stream), 1+rand.IntN(1+rand.IntN(20_000)))
			if _, err := peer.Write(stream[:n]); err != nil {
				return
			}
			stream = stream[n:]
		}
	}()
	watchAndClose(peer)
	if got := within(t, read); !slices.Equal(got.messages, want) {
		t.Errorf("%d messages, not what was sent: %v", len(got.messages), got.err)
	}
}

// TestRestOwnsNoBuffer looks into connections at rest.
func TestRestOwnsNoBuffer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sent  []byte
		limit int
	}{
		{"nothing sent", nil, 0},
		{"messages read", bytes.Repeat(testFrame(bin, strings.Repeat("x", 30_000)), 3), 0},
		{"half a header", join(testFrame(text, "a"), []byte{text}), 1},
		{"half a frame", testFrame(text, strings.Repeat("x", 125))[:50], 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, peer := openPair(t, Config{})
			if c == nil {
				return
			}
			var kept atomic.Int64
			ended := make(chan struct{})
			var o outcome
			c.Park(func() {
				for {
					more, err := c.ReadAvailable(o.deliver)
					kept.Store(int64(cap(c.in.buf)))
					switch {
					case err != nil:
						close(ended)
						return
					case !more && c.Rest():
						return
					}
				}
			})
			peer.Write(tt.sent)
			time.Sleep(50 * time.Millisecond)
			if got := int(kept.Load()); got > tt.limit {
				t.Errorf("keeps %d bytes, want %d at most", got, tt.limit)
			}
			c.Abort()
			within(t, ended)
		})
	}
}

// TestParkedEnds ends a connection that is at rest, or that is being read.
func TestParkedEnds(t *testing.T) {
	for name, end := range map[string]func(*Conn, net.Conn){
		"abort":         func(c *Conn, _ net.Conn) { c.Abort() },
		"close":         func(c *Conn, _ net.Conn) { c.Close(1000, "") },
		"peer closes":   func(_ *Conn, peer net.Conn) { peer.Write(closing(closePayload(1000, ""))) },
		"peer is gone":  func(_ *Conn, peer net.Conn) { peer.Close() },
		"peer violates": func(_ *Conn, peer net.Conn) { peer.Write(testFrame(text|0x20, "")) },
	} {
		for _, busy := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " at rest", true: " while awake"}[busy], func(t *testing.T) {
				c, peer := openPair(t, Config{CloseTimeout: 200 * time.Millisecond})
				if c == nil {
					return
				}
				reached, release := make(chan struct{}), make(chan struct{})
				ended := make(chan error, 2)
				n := 0
				deliver := func(bool, []byte) error {
					n++
					close(reached)
					<-release
					return nil
				}
				c.Park(func() {
					for {
						more, err := c.ReadAvailable(deliver)
						switch {
						case err != nil:
							ended <- err
							return
						case !more && c.Rest():
							return
						}
					}
				})
				want := 0
				if busy {
					want = 1
					peer.Write(testFrame(text, "a"))
					<-reached
				} else {
					time.Sleep(10 * time.Millisecond)
				}
				go io.Copy(io.Discard, peer)
				end(c, peer)
				time.Sleep(10 * time.Millisecond)
				close(release)
				if err := within(t, ended); err == nil || name != "peer violates" && !errors.Is(err, io.EOF) {
					t.Errorf("ended with %v", err)
				}
				if n != want {
					t.Errorf("delivered %d", n)
				}
				time.Sleep(10 * time.Millisecond)
				if len(ended) > 0 {
					t.Errorf("ended twice: %v", <-ended)
				}
				if more, err := c.ReadAvailable(nil); more || err != io.EOF {
					t.Errorf("reading on: %v, %v", more, err)
				}
			})
		}
	}
}

// TestParkedCloseUnanswered: the peer says nothing any more, and the reader hears of
// the end nevertheless.
func TestParkedCloseUnanswered(t *testing.T) {
	c, peer := openPair(t, Config{CloseTimeout: 100 * time.Millisecond})
	if c == nil {
		return
	}
	read := readAll(c)
	time.Sleep(10 * time.Millisecond)
	start := time.Now()
	c.Close(1001, "")
	got := within(t, read)
	if took := time.Since(start); took < 100*time.Millisecond || took > 4*time.Second || !errors.Is(got.err, io.EOF) {
		t.Errorf("after %v: %v", took, got.err)
	}
	if s, err := nextFrame(bufio.NewReader(peer)); err != nil || s.code() != 1001 {
		t.Errorf("the peer got %v, %v", s, err)
	}
}

// TestParkedDrain: who was awake reads on by waiting, as the engine does for the
// answer to a close frame.
func TestParkedDrain(t *testing.T) {
	c, peer := openPair(t, Config{})
	if c == nil {
		return
	}
	mine := errors.New("mine")
	drained := make(chan outcome, 1)
	c.Park(func() {
		if _, err := c.ReadAvailable(func(bool, []byte) error { return mine }); err == nil && c.Rest() {
			return
		}
		var o outcome
		for o.err == nil {
			o.err = c.ReadMessages(o.deliver)
		}
		drained <- o
	})
	peer.Write(join(testFrame(text, "a"), testFrame(text, "b")))
	time.Sleep(10 * time.Millisecond)
	peer.Write(testFrame(text, "c"))
	time.Sleep(10 * time.Millisecond)
	peer.Write(closing(closePayload(4000, "")))
	got := within(t, drained)
	var closed *CloseError
	if !slices.Equal(got.messages, []string{"t:b", "t:c"}) || !errors.As(got.err, &closed) || closed.Code != 4000 {
		t.Errorf("got %q, %v", got.messages, got.err)
	}
}

// TestNotParked: without a group, or where it cannot take the connection, there is
// a goroutine.
func TestNotParked(t *testing.T) {
	ours, _ := dialTCP(t)
	pipe, _ := dialPipe(t)
	for name, c := range map[string]*Conn{
		"no group":     New(ours, nil, Config{}),
		"nothing real": New(pipe, nil, Config{Group: group}),
		"wrapped":      New(&countingConn{Conn: ours}, nil, Config{Group: group}),
	} {
		if c.Park(func() { t.Error("awake") }) {
			t.Errorf("%s: parked", name)
		}
	}
	if c := Take(pipe, nil, Config{Group: group}); c != nil {
		t.Error("took what is no TCP")
	}
	secure, _ := dialTLS(t)
	if c := New(secure, nil, Config{Group: group}); c.Park(nil) || c.Prompt() {
		t.Error("parked TLS")
	}
}
