package websocket

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// BenchmarkRead is per message of 100 bytes, with as many in each write of the peer.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1, 8, 50} {
		b.Run(fmt.Sprintf("%d a write", n), func(b *testing.B) {
			ours, peer := dialTCP(b)
			c := New(ours, nil, Config{})
			batch := bytes.Repeat(testFrame(text, strings.Repeat("x", 100)), n)
			b.ReportAllocs()
			for sent := 0; sent < b.N; sent += n {
				peer.Write(batch)
				for got := 0; got < n; {
					if err := c.ReadMessages(func(bool, []byte) error { got++; return nil }); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkDecode is per message of 100 bytes, without a system call.
func BenchmarkDecode(b *testing.B) {
	ours, _ := dialPipe(b)
	c := New(ours, nil, Config{})
	const n = 70
	batch := bytes.Repeat(testFrame(text, strings.Repeat("x", 100)), n)
	nop := func(bool, []byte) error { return nil }
	b.ReportAllocs()
	for i := 0; i < b.N; i += n {
		c.in.makeRoom(bufferSize)
		c.in.buf = append(c.in.buf, batch...)
		if _, err := c.decode(nop); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWrite is per frame of 100 bytes, with as many in each batch.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{1, 8, 50} {
		b.Run(fmt.Sprintf("%d a batch", n), func(b *testing.B) {
			ours, peer := dialTCP(b)
			c := New(ours, nil, Config{})
			go io.Copy(io.Discard, peer)
			f := engine.BinaryFrame(make([]byte, 100))
			batch := make([]*engine.Frame, n)
			for i := range batch {
				batch[i] = f
			}
			b.ReportAllocs()
			for i := 0; i < b.N; i += n {
				if err := c.WriteFrames(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWriteDeadline is what arm saves in each batch.
func BenchmarkWriteDeadline(b *testing.B) {
	ours, _ := dialTCP(b)
	for b.Loop() {
		ours.SetWriteDeadline(time.Now().Add(time.Minute))
	}
}
