package endurance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// An ending is a way in which clients end. They have joined, but for those that never
// do, are in two rooms, owe an ack and are in the middle of a binary event.
type ending struct {
	name  string
	polls bool
	bare  bool // never joins
	end   func(g *guest) error
}

var endings = []ending{
	{name: "leaves and closes", end: func(g *guest) error { return errors.Join(g.write(1, "41"), g.write(8, "\x03\xe8"), g.untilGone()) }},
	{name: "says the close packet", end: func(g *guest) error { return errors.Join(g.write(1, "1"), g.untilGone()) }},
	{name: "hangs up", end: func(*guest) error { return nil }},
	{name: "resets", end: func(g *guest) error { return g.conn.(*net.TCPConn).SetLinger(0) }},
	{name: "is thrown out", end: func(g *guest) error { return errors.Join(g.write(1, `42["kickall"]`), g.untilClosed()) }},
	{name: "breaks the rules", end: func(g *guest) error { return errors.Join(g.write(1, "4nonsense"), g.untilGone()) }},
	{name: "falls silent", end: (*guest).untilGone},
	{name: "never joins", bare: true, end: (*guest).untilGone},
	{name: "dies in the middle of a move", polls: true, end: (*guest).probe},
	{name: "stops polling", polls: true, end: func(*guest) error { return nil }},
	{name: "posts the close packet", polls: true, end: func(g *guest) error {
		_, _, err := g.do("POST", "1")
		return err
	}},
}

// untilGone reads until the server has hung up.
func (g *guest) untilGone() error {
	_, err := io.Copy(io.Discard, g.in)
	if errors.Is(err, net.ErrClosed) || isTimeout(err) {
		return fmt.Errorf("the server does not hang up: %w", err)
	}
	return nil
}

// untilClosed reads until the server says that it closes, and answers that.
func (g *guest) untilClosed() error {
	for {
		opcode, text, err := g.read()
		switch {
		case err != nil:
			return err
		case opcode == 8:
			return errors.Join(g.write(8, text), g.untilGone())
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// probe begins to move to a WebSocket, on another connection, and goes no further.
func (g *guest) probe() error {
	conn, err := net.Dial("tcp", g.conn.RemoteAddr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.WriteString(conn, strings.Replace(opening, "websocket HTTP", "websocket&sid="+g.sid+" HTTP", 1)+
		"\x81\x86\x00\x00\x00\x002probe")
	if err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(target.Patience))
	answer := make([]byte, 16)
	_, err = io.ReadAtLeast(conn, answer, len(answer))
	return err
}

// untidy has the client leave as much as it can behind.
func (g *guest) untidy(n int) error {
	packets := []string{
		fmt.Sprintf(`42["join","room-%d"]`, n), `42["join","all"]`, `42["ask",1]`,
		`40/child-` + fmt.Sprint(n%50) + `,`, `451-["echo",{"_placeholder":true,"num":0}]`,
	}
	if g.sid == "" {
		for _, packet := range packets {
			if err := g.write(1, packet); err != nil {
				return err
			}
		}
		return nil
	}
	for i, packet := range packets {
		packets[i] = "4" + packet[1:]
	}
	_, _, err := g.do("POST", strings.Join(packets, "\x1e"))
	return err
}

// run is the life of one client.
func (e ending) run(addr string, n int) error {
	conn, err := from(n).Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(target.Patience))
	g := newGuest(conn)
	switch {
	case e.bare:
		_, err = io.WriteString(conn, opening)
	case e.polls:
		err = errors.Join(g.enterPolling(), g.untidy(n))
	default:
		err = errors.Join(g.enter(), g.untidy(n))
	}
	if err == nil {
		err = e.end(g)
	}
	if err != nil {
		return fmt.Errorf("client %d, which %s: %w", n, e.name, err)
	}
	return nil
}

// from returns a dialer for the nth client. There are several addresses, since each has
// 28,000 ports only, and keeps those that were in use for a minute.
func from(n int) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+n%8))}}
}

// TestNothingIsLeft has very many clients that end in all ways. Then there is nothing
// on the server that was not there before.
func TestNothingIsLeft(t *testing.T) {
	for _, host := range target.Hosts() {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			server := target.Start(t, target.Settings{
				Host: host, PingInterval: 500 * time.Millisecond, PingTimeout: 500 * time.Millisecond,
				ConnectTimeout: time.Second, UpgradeTimeout: time.Second, MaxChildNamespaces: 100,
			})
			if err := endings[0].run(server.Addr, 0); err != nil { // so that what is made once is there
				t.Fatal(err)
			}
			before := server.Snapshot()
			n := max(scaled(100_000)/len(target.Hosts()), len(endings))
			began := time.Now()
			if err := many(n, 2000, func(i int) error { return endings[i%len(endings)].run(server.Addr, i) }); err != nil {
				t.Error(err)
			}
			took := time.Since(began)
			server.Recovers(before)
			if end := server.Leaks(); end.Leaked != 0 {
				t.Errorf("%d goroutines have leaked: %s", end.Leaked, end.Leaks)
			} else if opened := end.IO.Engine.Opened - before.IO.Engine.Opened; opened != int64(n) {
				t.Errorf("%d sessions, want %d", opened, n)
			} else {
				t.Logf("%d clients in %v; ended: %v; goroutines %d, heap %d KB, before %d, %d KB", n, took.Round(time.Millisecond),
					end.IO.Engine.Closed, end.Goroutines, end.Heap>>10, before.Goroutines, before.Heap>>10)
			}
		})
	}
}

// many calls f for the numbers up to n, so many at a time, and returns the first few errors.
func many(n, atATime int, f func(i int) error) error {
	var mu sync.Mutex
	var errs []error
	next := make(chan int)
	var all sync.WaitGroup
	for range min(n, atATime) {
		all.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					mu.Lock()
					if len(errs) < 5 {
						errs = append(errs, err)
					}
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}
