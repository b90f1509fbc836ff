//go:build linux && !386

package epoll

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// No wake-up is lost, whatever the number of threads: a lost one is a ping that is
// never answered.
func TestPingPong(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			g := New()
			var all sync.WaitGroup
			for range 200 {
				c, peer := pair(t, g)
				echo(c)
				all.Go(func() {
					defer peer.Close()
					var b [4]byte
					for i := range 150 {
						b = [4]byte{byte(i), byte(i >> 8), 'o', 'k'}
						want := b
						if _, err := peer.Write(b[:]); err != nil {
							t.Error(err)
							return
						}
						if _, err := io.ReadFull(peer, b[:]); err != nil || b != want {
							t.Errorf("ping %d: %v, %v", i, b, err)
							return
						}
					}
				})
			}
			all.Wait()
			waitFor(t, "no goroutines", func() bool { return goroutines() == 0 })
		})
	}
}

// Connections come and go, at both ends, with traffic of all sizes; descriptors
// are used again at once. Everybody gets back what he has sent, or an error.
func TestChurn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g := New()
	var served sync.WaitGroup
	served.Go(func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			c, err := g.Take(tcp.(*net.TCPConn))
			if err != nil {
				t.Error(err)
				return
			}
			echo(c)
			if rand.N(10) == 0 {
				served.Go(func() {
					time.Sleep(rand.N(5 * time.Millisecond))
					c.Close()
				})
			}
		}
	})
	var lives, echoed atomic.Int64
	var peers sync.WaitGroup
	for range 64 {
		peers.Go(func() {
			for lives.Add(1) <= 3000 {
				echoed.Add(int64(live(t, l.Addr().String())))
			}
		})
	}
	peers.Wait()
	l.Close()
	served.Wait()
	waitFor(t, "no goroutines", func() bool { return goroutines() == 0 })
	if echoed.Load() < 3000 {
		t.Errorf("only %d messages came back", echoed.Load())
	}
}

// live is the life of a peer. It returns how many messages came back.
func live(t *testing.T, addr string) (echoed int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	for range rand.N(8) {
		sent := make([]byte, 1+rand.N(1<<rand.N(14)))
		for i := range sent {
			sent[i] = byte(rand.Uint32())
		}
		first := rand.N(len(sent))
		go func() { // in two parts, while what comes back is read
			c.Write(sent[:first])
			c.Write(sent[first:])
		}()
		got := make([]byte, len(sent))
		n, err := io.ReadFull(c, got)
		if !bytes.Equal(got[:n], sent[:n]) {
			t.Error("got back what was not sent")
		}
		if err, ok := err.(net.Error); ok && err.Timeout() {
			t.Errorf("%d of %d bytes came back: %v", n, len(sent), err)
		}
		if err != nil {
			return echoed
		}
		echoed++
	}
	if rand.N(4) == 0 {
		c.(*net.TCPConn).SetLinger(0)
	}
	return echoed
}
