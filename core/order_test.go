package socketio_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// crowded makes n clients that wait longer, for tests that work hard.
func crowded(t *testing.T, io engine.Endpoint, n int) []*siotest.Client {
	clients := make([]*siotest.Client, n)
	for i := range clients {
		opts := siotest.Options{Timeout: patience}
		if i%4 == 3 {
			opts.Transport = engine.Polling
		}
		clients[i] = siotest.Dial(t, io, opts)
	}
	return clients
}

func TestAllClientsSeeOneOrder(t *testing.T) {
	t.Run("plain", func(t *testing.T) { seeOneOrder(t, socketio.Config{}) })
	t.Run("recoverable", func(t *testing.T) {
		seeOneOrder(t, socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}})
	})
}

func seeOneOrder(t *testing.T, cfg socketio.Config) {
	const writers, each, readers = 64, 10, 12
	io := serve(t, cfg)
	clients := crowded(t, io, readers)
	for _, c := range clients {
		must(t, io.Socket(c.ID()).Join("room"))
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			to := []socketio.Emitter{io, io.To("room"), io.Except("nobody"), io.Of("/")}[w%4]
			for i := range each {
				must(t, to.Emit("n", w*each+i))
			}
		})
	}
	wg.Wait()
	var first []int
	for i, c := range clients {
		var got []int
		for range writers * each {
			got = append(got, siotest.Expect[int](c, "n"))
		}
		if i == 0 {
			first = got
		} else if !slices.Equal(got, first) {
			t.Fatalf("client %d sees another order", i)
		}
	}
}

// The client's decoder closes its socket if anything comes between.
func TestAttachmentsFollowTheirPacket(t *testing.T) {
	const writers, each, readers = 64, 10, 8
	io := serve(t, socketio.Config{})
	clients := crowded(t, io, readers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				data := bytes.Repeat([]byte{byte(w)}, i+1)
				if w%2 == 0 {
					must(t, io.Emit("bytes", w, data, data))
					continue
				}
				for _, c := range clients {
					must(t, io.Socket(c.ID()).Emit("bytes", w, data, data))
				}
			}
		})
	}
	wg.Wait()
	for _, c := range clients {
		for range writers * each {
			var w int
			var a, b []byte
			must(t, c.Expect("bytes").Bind(&w, &a, &b))
			if len(a) == 0 || a[0] != byte(w) || !bytes.Equal(a, b) {
				t.Fatalf("of %d came %v and %v", w, a, b)
			}
		}
	}
}

func TestArgumentsMayChangeAfterEmit(t *testing.T) {
	io := serve(t, socketio.Config{})
	clients := crowded(t, io, 8)
	m, list, data := map[string]int{"n": 0}, []int{0}, []byte{0}
	for n := range 100 {
		must(t, io.Emit("event", m, list, data))
		m["n"], list[0], data[0] = n+1, n+1, byte(n+1)
	}
	for _, c := range clients {
		for n := range 100 {
			var gotM map[string]int
			var gotL []int
			var gotD []byte
			must(t, c.Expect("event").Bind(&gotM, &gotL, &gotD))
			if gotM["n"] != n || gotL[0] != n || gotD[0] != byte(n) {
				t.Fatalf("event %d came as %v %v %v", n, gotM, gotL, gotD)
			}
		}
	}
}

func TestEverythingAtOnce(t *testing.T) {
	io := serve(t, socketio.Config{AckTimeout: 50 * time.Millisecond})
	connects, ends := new(list), new(list)
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		connects.add("%s", s.ID())
		return s.Join("start")
	})
	io.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) { ends.add("%s", s.ID()) })
	socketio.On(io, "chat", func(_ context.Context, s *socketio.Socket, n int) error { return s.To("start").Emit("chat", n) })
	clients := crowded(t, io, 32)
	var sockets []*socketio.Socket
	for _, c := range clients {
		sockets = append(sockets, io.Socket(c.ID()))
	}
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := range 40 {
				s, c := sockets[(g+i)%len(sockets)], clients[(g*7+i)%len(clients)]
				room := fmt.Sprint("room", i%5)
				switch (g + i) % 14 {
				case 0:
					_ = s.Emit("x", []byte{1}, i)
				case 1:
					_ = io.To(room).Emit("x", i)
				case 2:
					_ = s.Join(room, "start")
				case 3:
					_ = s.Leave(room)
				case 4:
					_, _ = io.FetchSockets(t.Context())
				case 5:
					_, _ = io.To(room).Timeout(time.Millisecond).EmitWithAckAll(t.Context(), "ask")
				case 6:
					_, _ = s.Timeout(time.Millisecond).EmitWithAck(t.Context(), "ask")
				case 7:
					_ = s.To(room).Except("start").Volatile().Emit("x")
				case 8:
					_, _, _ = s.Rooms(), s.Data(), io.Stats()
					s.SetData(i)
				case 9:
					_ = io.In(room).SocketsLeave("start")
				case 10:
					s.OnEvent("chat", func(context.Context, *socketio.Event) error { return nil })()
				case 11:
					c.Emit("chat", i)
				case 12:
					if i > 20 {
						_ = s.Disconnect(i%2 == 0)
					}
				case 13:
					if i > 30 {
						c.Abort()
					}
				}
			}
		})
	}
	wg.Wait()
	must(t, io.Shutdown(t.Context()))
	a, b := connects.got(), ends.got()
	slices.Sort(a)
	slices.Sort(b)
	if len(a) != len(clients) || !slices.Equal(a, b) {
		t.Errorf("%d connects, %d disconnects", len(a), len(b))
	}
	if stats := io.Stats(); stats.Panics != 0 || strings.Contains(io.logs.String(), "panic") {
		t.Errorf("%d panics: %s", stats.Panics, io.logs)
	}
}
