package faultproxy

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestForwards(t *testing.T) {
	s := play(t, Options{})
	client, server := s.connect()
	send(t, client, "hello")
	expect(t, server, "hello")
	send(t, server, "good day")
	expect(t, client, "good day")
	c := s.of(client)
	if c.Up() != 5 || c.Down() != 8 || c.Number() != 0 {
		t.Errorf("up %d, down %d, number %d", c.Up(), c.Down(), c.Number())
	}
	if got, want := s.Stats(), (Stats{Accepted: 1, Open: 1, Up: 5, Down: 8}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	_ = client.CloseWrite()
	expectEnd(t, server, io.EOF)
	send(t, server, "after you")
	expect(t, client, "after you")
	server.Close()
	expectEnd(t, client, io.EOF)
	expectDone(t, c)
	if got := s.Stats(); got.Open != 0 {
		t.Errorf("%d connections are open", got.Open)
	}
}

func TestForwardsResets(t *testing.T) {
	s := play(t, Options{})
	client, server := s.connect()
	s.of(client)
	_ = client.SetLinger(0)
	client.Close()
	expectEnd(t, server, syscall.ECONNRESET)
	client, server = s.connect()
	_ = server.SetLinger(0)
	server.Close()
	expectEnd(t, client, syscall.ECONNRESET)
}

func TestNobodyListens(t *testing.T) {
	s := play(t, Options{})
	s.listener.Close()
	s.dialReset()
}

// Both ways at once, with all that keeps the connection.
func TestLargeStreamsStayIntact(t *testing.T) {
	for name, way := range map[string]Way{
		"as it comes": {},
		"sliced":      {Slice: 3000},
		"delayed":     {Slice: 60_000, Jitter: time.Millisecond},
		"stalled":     {Slice: 20_000, After: 100_000, Then: Stall, For: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := play(t, always(Plan{Up: way, Down: way}))
			client, server := s.connect()
			var all sync.WaitGroup
			for i, pair := range [][2]*net.TCPConn{{client, server}, {server, client}} {
				data := make([]byte, 1<<20)
				random := rand.NewChaCha8([32]byte{byte(i)})
				_, _ = random.Read(data)
				all.Go(func() { _, _ = pair[0].Write(data); _ = pair[0].CloseWrite() })
				all.Go(func() {
					if got, err := io.ReadAll(pair[1]); !bytes.Equal(got, data) {
						t.Errorf("%d bytes of %d, or others: %v", len(got), len(data), err)
					}
				})
			}
			all.Wait()
			if got := s.Stats(); got.Up != 1<<20 || got.Down != 1<<20 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestEachConnectionHasItsPlan(t *testing.T) {
	s := play(t, Options{Plan: func(n int) Plan {
		if n == 1 {
			return Plan{Up: Way{Then: Reset}}
		}
		return Plan{}
	}})
	first, server := s.connect()
	s.dialReset()
	third, _ := s.connect()
	if got := s.of(third).Number(); got != 2 {
		t.Errorf("number %d", got)
	}
	send(t, first, "x")
	expect(t, server, "x")
	if got := s.Stats(); got.Accepted != 3 || got.Open != 2 || len(s.Conns()) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestFindGivesUp(t *testing.T) {
	s := play(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if s.Find(ctx, s.listener.Addr()) != nil {
		t.Error("found a client that never was")
	}
	time.AfterFunc(10*time.Millisecond, s.Close)
	if s.Find(t.Context(), s.listener.Addr()) != nil {
		t.Error("found a client that never was")
	}
}

// Whatever state connections are in, and however many there are, nothing of them
// is left.
func TestCloseLeavesNothing(t *testing.T) {
	const count = 1500
	before := descriptors()
	s := play(t, Options{Plan: func(n int) Plan {
		return []Plan{
			{},
			{Up: Way{Then: Vanish}},
			{Down: Way{Then: Stall, For: time.Hour}},
			{Up: Way{Delay: time.Hour}},
			{Up: Way{After: 1, Then: Finish}},
		}[n%5]
	}})
	var all sync.WaitGroup
	var ends [2 * count]net.Conn
	all.Go(func() {
		for i := range count {
			ends[2*i], _ = net.Dial("tcp", s.Addr())
			_, _ = io.WriteString(ends[2*i], "hello")
		}
	})
	for i := range count {
		c, err := s.listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "hello")
		ends[2*i+1] = c
	}
	all.Wait()
	until(t, "all are there", func() bool { return s.Stats().Open == count })
	s.Close()
	if got := s.Stats().Open; got != 0 {
		t.Errorf("%d connections are open", got)
	}
	for _, c := range ends {
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, c); err != nil && !isReset(err) {
			t.Errorf("a peer does not see the end: %v", err)
		}
		c.Close()
	}
	s.listener.Close()
	if after := descriptors(); after > before {
		t.Errorf("%d descriptors are left", after-before)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("still listens")
	}
}
