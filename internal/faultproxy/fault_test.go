package faultproxy

import (
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Exactly as many bytes pass as the plan says, whatever the pieces.
func TestActionsComeAfterTheirBytes(t *testing.T) {
	for _, slice := range []int{0, 1, 3, 100} {
		for _, after := range []int64{1, 2, 10} {
			for action, want := range map[Action]error{Cut: io.EOF, Finish: io.EOF, Reset: syscall.ECONNRESET} {
				way := Way{Slice: slice, After: after, Then: action}
				s := play(t, always(Plan{Up: way}))
				client, server := s.connect()
				conn := s.of(client)
				send(t, client, "0123456789")
				if action != Reset { // it may overtake them
					expect(t, server, "0123456789"[:after])
				} else {
					_, _ = io.ReadFull(server, make([]byte, after))
				}
				expectEnd(t, server, want)
				if action != Finish {
					expectDone(t, conn)
				}
				if conn.Up() != after {
					t.Errorf("%+v: %d bytes have passed", way, conn.Up())
				}

				s = play(t, always(Plan{Down: way}))
				client, server = s.connect()
				send(t, server, "0123456789")
				got, err := io.ReadAll(client)
				if action != Reset && (err != nil || string(got) != "0123456789"[:after]) {
					t.Errorf("%+v: the client read %q, %v", way, got, err)
				}
			}
		}
	}
}

func TestResetReachesBoth(t *testing.T) {
	s := play(t, Options{})
	client, server := s.connect()
	s.of(client).Do(Reset)
	expectEnd(t, client, syscall.ECONNRESET)
	expectEnd(t, server, syscall.ECONNRESET)
}

func TestCutReachesBoth(t *testing.T) {
	s := play(t, Options{})
	client, server := s.connect()
	s.of(client).Do(Cut)
	expectEnd(t, client, io.EOF)
	expectEnd(t, server, io.EOF)
}

func TestFinishLeavesTheOtherWay(t *testing.T) {
	s := play(t, Options{})
	client, server := s.connect()
	conn := s.of(client)
	conn.Set(Plan{Up: Way{Then: Finish}})
	expectEnd(t, server, io.EOF)
	send(t, client, strings.Repeat("dropped", 1<<20)) // does not fill anything
	send(t, server, "still here")
	expect(t, client, "still here")
	if conn.Up() != 0 {
		t.Errorf("%d bytes have passed", conn.Up())
	}
	server.Close()
	expectEnd(t, client, io.EOF)
	client.Close()
	expectDone(t, conn)
}

// A way can be finished before the server has been reached.
func TestFinishFromTheStart(t *testing.T) {
	s := play(t, always(Plan{Up: Way{Then: Finish}}))
	client, server := s.connect()
	expectEnd(t, server, io.EOF)
	send(t, server, "x")
	expect(t, client, "x")
}

// The last bytes before an end may be more than the receiver takes.
func TestAnEndThatNobodyTakes(t *testing.T) {
	s := play(t, always(Plan{Up: Way{After: 20 << 20, Then: Cut}}))
	client, server := s.connect()
	conn := s.of(client)
	go func() { _, _ = client.Write(make([]byte, 20<<20)) }()
	until(t, "something has passed", func() bool { return conn.Up() > 0 })
	_ = server.SetLinger(0)
	server.Close()
	expectDone(t, conn)
}

// What comes back for the last bytes before an end does not pass.
func TestNothingPassesAfterTheEnd(t *testing.T) {
	for _, action := range []Action{Cut, Reset, Vanish} {
		for range 100 {
			s := play(t, always(Plan{Up: Way{After: 1, Then: action}}))
			client, server := s.connect()
			conn := s.of(client)
			send(t, client, "a")
			if n, _ := server.Read(make([]byte, 1)); n == 1 {
				_, _ = io.WriteString(server, "answer")
			}
			if action == Vanish {
				s.Close()
			}
			if n, _ := client.Read(make([]byte, 1)); n > 0 || conn.Down() > 0 {
				t.Fatalf("action %d: %d bytes have come back", action, conn.Down())
			}
			s.Close()
		}
	}
}

// A plan that is set as soon as the connection is known is not lost to the first one.
func TestSetWinsOverTheFirstPlan(t *testing.T) {
	s := play(t, always(Plan{}))
	for range 300 {
		client := s.dial()
		conn := s.of(client)
		conn.Set(Plan{Up: Way{After: 1, Then: Cut}})
		send(t, client, "ab")
		expectDone(t, conn)
		if conn.Up() != 1 {
			t.Fatalf("%d bytes have passed", conn.Up())
		}
	}
}

func TestVanish(t *testing.T) {
	s := play(t, always(Plan{Up: Way{After: 2, Then: Vanish}}))
	client, server := s.connect()
	send(t, client, "abc")
	expect(t, server, "ab")
	send(t, server, "lost?")
	expectSilence(t, client)
	expectSilence(t, server)
	conn := s.of(client)
	server.Close()
	expectSilence(t, client)
	conn.Set(Plan{}) // the network is back
	expect(t, client, "lost?")
	expectEnd(t, client, io.EOF)

	client, server = s.connect()
	conn = s.of(client)
	conn.Do(Vanish)
	_ = server.CloseWrite()
	expectSilence(t, client)
	conn.Set(Plan{})
	expectEnd(t, client, io.EOF)

	client, server = s.connect()
	conn = s.of(client)
	conn.Do(Vanish)
	_ = client.SetLinger(0)
	client.Close()
	expectSilence(t, server)
	conn.Set(Plan{})
	expectEnd(t, server, syscall.ECONNRESET)
}

func TestStall(t *testing.T) {
	const stall = 100 * time.Millisecond
	s := play(t, always(Plan{Down: Way{After: 1, Then: Stall, For: stall}}))
	client, server := s.connect()
	begin := time.Now()
	send(t, server, "abc")
	expect(t, client, "a")
	send(t, client, "the other way is free")
	expect(t, server, "the other way is free")
	expect(t, client, "bc")
	if took := time.Since(begin); took < stall {
		t.Errorf("stalled for %v", took)
	}
	s.of(client).Set(Plan{Down: Way{Then: Stall, For: time.Hour}})
	send(t, server, "d")
	expectSilence(t, client)
	s.of(client).Set(Plan{})
	expect(t, client, "d")
}

func TestDelay(t *testing.T) {
	const delay = 5 * time.Millisecond
	s := play(t, always(Plan{Up: Way{Slice: 1, Delay: delay}}))
	client, server := s.connect()
	begin := time.Now()
	send(t, client, "0123456789")
	expect(t, server, "0123456789")
	if took := time.Since(begin); took < 10*delay {
		t.Errorf("10 pieces took %v, want 10 x %v at least", took, delay)
	}
	s.of(client).Set(Plan{Up: Way{Delay: time.Hour}})
	send(t, client, "a")
	expectSilence(t, server)
	s.of(client).Set(Plan{})
	expect(t, server, "a")
}

// fates returns where the pieces of a connection end and how long they wait, for
// bytes that arrive in reads of some size.
func fates(seed uint64, number, read int) (ends []int, waits []time.Duration) {
	c := &Conn{proxy: &Proxy{opts: Options{Seed: seed}}, number: number}
	c.up.init(c, 0, &c.proxy.up)
	c.up.set(Way{Slice: 50, Jitter: time.Hour})
	at := 0
	for at < 2000 {
		for rest := min(read, 2000-at); rest > 0; {
			if c.up.piece == 0 {
				c.up.begin(rest)
				waits = append(waits, time.Until(c.up.next).Round(time.Minute))
			}
			n, _ := c.up.grant(rest)
			rest -= n
			if at += n; c.up.piece == 0 {
				ends = append(ends, at)
			}
		}
	}
	return ends, waits
}

// The random numbers depend on the seed and the connection, not on how bytes arrive.
func TestSeedDecides(t *testing.T) {
	ends, waits := fates(1, 0, 1)
	if len(ends) < 40 || len(waits) < 40 || slices.Max(waits) == 0 {
		t.Fatalf("pieces end at %v and wait for %v", ends, waits)
	}
	for _, read := range []int{7, 100, 2000} {
		e, w := fates(1, 0, read)
		if !slices.Equal(e, ends) || !slices.Equal(w, waits) {
			t.Errorf("with reads of %d bytes, pieces end at %v, want %v; they wait for %v, want %v", read, e, ends, w, waits)
		}
	}
	for what, numbers := range map[string][2]int{"seed": {2, 0}, "number": {1, 1}} {
		if e, _ := fates(uint64(numbers[0]), numbers[1], 1); slices.Equal(e, ends) {
			t.Errorf("another %s, the same pieces", what)
		}
	}
}
