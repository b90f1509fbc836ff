package websocket

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestManyFramesInOneRead(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			send(peer, bytes.Repeat(testFrame(text, "hello"), 50), 0)
			if got := readBatch(t, c); len(got) != 50 {
				t.Errorf("one call delivered %d messages, want 50", len(got))
			}
			if (c.raw != nil || c.parked != nil) && c.in.buf != nil {
				t.Error("keeps a buffer between two calls")
			}
		})
	}
}

// TestHeadBytes splits a stream anywhere between head and connection.
func TestHeadBytes(t *testing.T) {
	stream := join(testFrame(text, "first"), testFrame(bin, strings.Repeat("x", 300)), closing(""))
	want := []string{"t:first", "b:" + strings.Repeat("x", 300)}
	for _, network := range networks {
		for cut := 0; cut <= len(stream); cut += 3 {
			ours, peer := network.dial(t)
			c := network.open(t, ours, stream[:cut], Config{})
			read := readAll(c)
			send(peer, stream[cut:], 0)
			watchAndClose(peer)
			if got := within(t, read); !slices.Equal(got.messages, want) {
				t.Fatalf("%s, cut at %d: delivered %q", network.name, cut, got.messages)
			}
		}
	}
}

func TestHeadNeedsNoRead(t *testing.T) {
	ours, _ := dialPipe(t)
	c := New(ours, testFrame(text, "a"), Config{})
	if got := readBatch(t, c); !slices.Equal(got, []string{"a"}) {
		t.Errorf("delivered %q", got)
	}
}

// TestSizes sends messages around every size at which something changes, whole
// and in fragments, in one stream that is cut at random.
func TestSizes(t *testing.T) {
	var stream []byte
	var want []string
	for _, size := range []int{0, 1, 125, 126, waitSize - 8, waitSize, bufferSize - 9, bufferSize - 8, bufferSize - 7, bufferSize, 65535, 65536, 200_000, 1_000_000, 3} {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		stream = append(stream, testFrame(bin, string(b))...)
		half := size / 2
		stream = append(stream, join(testFrame(0x02, string(b[:half])), testFrame(ping, "x"), testFrame(fin|cont, string(b[half:])))...)
		want = append(want, "b:"+string(b), "b:"+string(b))
	}
	stream = append(stream, closing("")...)
	for _, network := range networks {
		for _, size := range []int{0, 100, 1021, 8192, 10_000, 300_000} {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			send(peer, stream, size)
			watchAndClose(peer)
			if got := within(t, read); !slices.Equal(got.messages, want) {
				t.Errorf("%s in slices of %d: not what was sent", network.name, size)
			}
		}
	}
}

// TestBufferFollowsArrival claims a large message and sends little of it.
func TestBufferFollowsArrival(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			frame := testFrame(bin, strings.Repeat("x", 900_000))
			if _, err := peer.Write(frame[:20_000]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			c.Abort()
			within(t, read)
		})
	}
	in := input{need: 900_000}
	for arrived := 0; arrived < 900_000; arrived += 1000 {
		in.makeRoom(bufferSize)
		n := min(1000, len(in.free()))
		in.buf = in.buf[:len(in.buf)+n]
		if limit := max(bufferSize, 2*len(in.buf)); cap(in.buf) > limit {
			t.Fatalf("%d bytes for %d that arrived", cap(in.buf), len(in.buf))
		}
	}
	in.pos, in.need = len(in.buf)-10, 50
	in.makeRoom(bufferSize)
	if cap(in.buf) != bufferSize || len(in.buf) != 10 {
		t.Errorf("%d bytes after the message", cap(in.buf))
	}
}

// TestIdleOwnsNoBuffer looks into a connection that waits on a descriptor.
func TestIdleOwnsNoBuffer(t *testing.T) {
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
			ours, peer := dialTCP(t)
			c := New(ours, nil, Config{})
			if c.raw == nil {
				return // no descriptor to wait on
			}
			var kept atomic.Int64
			c.onReadable = func(fd uintptr) bool {
				ready := c.readable(fd)
				if !ready {
					kept.Store(int64(cap(c.in.buf)))
				}
				return ready
			}
			read := readAll(c)
			peer.Write(tt.sent)
			time.Sleep(50 * time.Millisecond)
			if got := int(kept.Load()); got > tt.limit {
				t.Errorf("keeps %d bytes, want %d at most", got, tt.limit)
			}
			c.Abort()
			within(t, read)
		})
	}
}

// TestHalfClosed: the end may come together with messages, or while the connection
// is at rest, and messages may have come with the handshake.
func TestHalfClosed(t *testing.T) {
	last := join(testFrame(text, "a"), testFrame(bin, "b"), testFrame(text, "cut off")[:3])
	for _, network := range sockets {
		for name, way := range map[string]func(ours, peer net.Conn) (*Conn, <-chan outcome){
			"at once": func(ours, peer net.Conn) (*Conn, <-chan outcome) {
				peer.Write(last)
				peer.(*net.TCPConn).CloseWrite()
				time.Sleep(10 * time.Millisecond)
				c := network.open(t, ours, nil, Config{})
				return c, readAll(c)
			},
			"at rest": func(ours, peer net.Conn) (*Conn, <-chan outcome) {
				c := network.open(t, ours, nil, Config{})
				read := readAll(c)
				time.Sleep(10 * time.Millisecond)
				peer.Write(last)
				peer.(*net.TCPConn).CloseWrite()
				return c, read
			},
			"later": func(ours, peer net.Conn) (*Conn, <-chan outcome) {
				c := network.open(t, ours, nil, Config{})
				read := readAll(c)
				peer.Write(last)
				time.Sleep(10 * time.Millisecond)
				peer.(*net.TCPConn).CloseWrite()
				return c, read
			},
			"behind the handshake": func(ours, peer net.Conn) (*Conn, <-chan outcome) {
				peer.(*net.TCPConn).CloseWrite()
				time.Sleep(10 * time.Millisecond)
				c := network.open(t, ours, last, Config{})
				return c, readAll(c)
			},
		} {
			t.Run(network.name+"/"+name, func(t *testing.T) {
				ours, peer := network.dial(t)
				frames := watch(peer)
				c, read := way(ours, peer)
				got := within(t, read)
				if !slices.Equal(got.messages, []string{"t:a", "b:b"}) || got.err != io.EOF {
					t.Errorf("got %q, %v", got.messages, got.err)
				}
				if sent := within(t, frames); len(sent) != 0 {
					t.Errorf("the peer got %v", sent)
				}
				if err := c.ReadMessages(nil); err != io.EOF {
					t.Errorf("reading on: %v", err)
				}
			})
		}
	}
}

func TestReset(t *testing.T) {
	for _, network := range sockets {
		for _, rest := range []time.Duration{0, 10 * time.Millisecond} {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			read := readAll(c)
			time.Sleep(rest)
			peer.(*net.TCPConn).SetLinger(0)
			peer.Close()
			got := within(t, read)
			if !errors.Is(got.err, io.EOF) || !errors.Is(got.err, syscall.ECONNRESET) {
				t.Errorf("%s: got %v, want io.EOF with its cause", network.name, got.err)
			}
		}
	}
}

func TestDeliverError(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			ours, peer := network.dial(t)
			c := network.open(t, ours, nil, Config{})
			send(peer, join(testFrame(text, "a"), testFrame(text, "b")), 0)
			for _, want := range []error{protocolError("mine"), io.EOF} {
				if err := readOnce(c, func(bool, []byte) error { return want }); err != want {
					t.Errorf("got %v, want deliver's own error", err)
				}
			}
			send(peer, testFrame(text, "c"), 0)
			if got := readBatch(t, c); !slices.Equal(got, []string{"c"}) {
				t.Errorf("then delivered %q", got)
			}
		})
	}
}

// TestDeliverMayEndIt aborts and closes from where messages are handled.
func TestDeliverMayEndIt(t *testing.T) {
	for _, network := range networks {
		for name, end := range map[string]func(*Conn){
			"abort": (*Conn).Abort,
			"close": func(c *Conn) { c.Close(1000, "") },
		} {
			t.Run(network.name+"/"+name, func(t *testing.T) {
				ours, peer := network.dial(t)
				c := network.open(t, ours, nil, Config{})
				watchAndClose(peer)
				send(peer, bytes.Repeat(testFrame(text, "a"), 3), 0)
				n := 0
				var err error
				for err == nil {
					err = readOnce(c, func(bool, []byte) error { n++; end(c); return nil })
				}
				if n != 1 || !errors.Is(err, io.EOF) {
					t.Errorf("delivered %d, ended with %v", n, err)
				}
			})
		}
	}
}

// TestHandshakeDeadlines finds a connection with deadlines that have passed.
func TestHandshakeDeadlines(t *testing.T) {
	for _, network := range networks {
		ours, peer := network.dial(t)
		ours.SetDeadline(time.Unix(1, 0))
		c := network.open(t, ours, nil, Config{})
		send(peer, testFrame(text, "a"), 0)
		if got := readBatch(t, c); len(got) != 1 {
			t.Errorf("%s: delivered %q", network.name, got)
		}
	}
}
