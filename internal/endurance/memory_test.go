package endurance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/target"
)

// An offender takes more of the server than a client should. What it can do alone, or
// each of so many, is its effort.
type offender struct {
	name  string
	polls bool
	ping  time.Duration // PingInterval, PingTimeout and ConnectTimeout; 0 for the default
	do    func(g *guest, effort int) error
	// reason is why the server ends it, as its counters say; "" if the server bears
	// with it.
	reason engine.Reason
	// held reports whether the server has what it takes from the offenders who stay.
	held func(s target.Snapshot, offenders int) bool
}

// The caps of the server under test. They are below the defaults, so that they are
// reached by what one machine can send.
var caps = target.Settings{
	WriteTimeout:   3 * time.Second,
	MaxQueuedBytes: 1 << 20, MaxTotalQueuedBytes: 64 << 20, MaxQueuedEventBytes: 16 << 10,
	MaxPendingAcks: 10, MaxRooms: 100, MaxNamespaces: 20, MaxChildNamespaces: 5000,
}

// budget is what the server may need beside its queues.
const budget = 256 << 20

var offenders = []offender{
	{name: "never reads", reason: "slow consumer", do: func(g *guest, effort int) error {
		return g.say(fmt.Sprintf(`42["flood",%d,1000]`, 10_000*effort))
	}},
	{name: "never polls", polls: true, reason: "slow consumer", do: func(g *guest, effort int) error {
		return g.say(fmt.Sprintf(`42["flood",%d,1000]`, 10_000*effort))
	}},
	{name: "has handlers block", do: func(g *guest, effort int) error {
		return g.repeat(min(effort*200, 4000), func(int) string { return `42["block","` + strings.Repeat("x", 1000) + `"]` })
	}, held: func(s target.Snapshot, n int) bool { return s.Blocked == n }},
	{name: "answers no ping", ping: 2 * time.Second, reason: "ping timeout", do: func(*guest, int) error { return nil }},
	{name: "owes acks", do: func(g *guest, _ int) error {
		return g.say(`42["ask",20]`)
	}, held: func(s target.Snapshot, n int) bool { return s.IO.PendingAcks == int64(n*caps.MaxPendingAcks) }},
	{name: "sends acks for nothing", do: func(g *guest, effort int) error {
		return g.repeat(200*effort, func(n int) string { return fmt.Sprintf("43%d[1]", n) })
	}, held: func(s target.Snapshot, n int) bool { return s.IO.Engine.Sessions > n }},
	{name: "joins rooms", do: func(g *guest, effort int) error {
		return g.repeat(200*effort, func(n int) string { return fmt.Sprintf(`42["join","%p-%d"]`, g, n) })
	}, held: func(s target.Snapshot, n int) bool { return s.IO.Rooms == n*caps.MaxRooms }},
	{name: "joins namespaces", reason: "forced close", do: func(g *guest, effort int) error {
		return g.repeat(50, func(n int) string {
			return "40/child-" + strings.ToLower(fmt.Sprintf("%p", g)[2:]) + fmt.Sprint(n) + ","
		})
	}},
	{name: "shakes hands", polls: true, ping: 5 * time.Second, do: func(g *guest, effort int) error {
		for range 10 * effort {
			more := newGuest(g.conn)
			more.in = g.in
			if status, _, err := more.do("GET", ""); err != nil || status != 200 {
				return fmt.Errorf("%d, %w", status, err)
			}
		}
		return nil
	}, held: func(s target.Snapshot, n int) bool { return s.IO.Engine.Opened > int64(n*10) }},
}

// say sends a packet of Socket.IO's.
func (g *guest) say(packet string) error {
	if g.sid != "" {
		_, _, err := g.do("POST", packet)
		return err
	}
	return g.repeat(1, func(int) string { return packet })
}

// repeat sends many packets over a WebSocket, for as long as the server reads them.
func (g *guest) repeat(n int, packet func(n int) string) error {
	var b []byte
	for i := range n {
		text := packet(i)
		b = append(b, 0x81)
		if len(text) < 126 {
			b = append(b, 0x80|byte(len(text)))
		} else {
			b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(text)))
		}
		b = append(append(b, 0, 0, 0, 0), text...)
		if len(b) > 32<<10 || i == n-1 {
			if !g.push(b) {
				break
			}
			b = b[:0]
		}
	}
	return nil
}

// push reports whether the server reads: it may have stopped, or have ended the client.
func (g *guest) push(b []byte) bool {
	_ = g.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, err := g.conn.Write(b)
	return err == nil
}

// slowReaders read what they have asked for, in order and in their own time, while
// others offend.
func slowReaders(addr string, n int) (wait func() error) {
	const messages, size, sip = 300, 1000, 20_000
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			g, err := invite(addr, false)
			if err != nil {
				errs[i] = err
				return
			}
			defer g.conn.Close()
			_ = g.conn.(*net.TCPConn).SetReadBuffer(16 << 10)
			if errs[i] = g.say(fmt.Sprintf(`42["flood",%d,%d]`, messages, size)); errs[i] != nil {
				return
			}
			taken := 0
			for next := 0; next < messages; {
				_ = g.conn.SetDeadline(time.Now().Add(target.Patience))
				opcode, text, err := g.read()
				want := fmt.Sprintf(`42["flood",%d,"`, next)
				switch {
				case err == nil && opcode == 1 && text == "2":
					err = g.write(1, "3")
				case err == nil && strings.HasPrefix(text, want):
					next++
				case err == nil:
					err = fmt.Errorf("%.40q comes, want %q", text, want)
				}
				if err != nil {
					errs[i] = fmt.Errorf("a slow reader, after %d messages: %w", next, err)
					return
				}
				if taken += len(text); taken > sip {
					taken = 0
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	return func() error { all.Wait(); return errors.Join(errs...) }
}

// TestMemoryIsBounded: whatever clients do, alone or all together, the server's memory
// stays within a budget, those who must be are ended with a reason that is named, and
// neither an honest client nor one that reads slowly suffers.
func TestMemoryIsBounded(t *testing.T) {
	crowd := max(scaled(2000), 20)
	names := []string{"nethttp"} // at least
	if *scale >= 1 {
		names = append(names, "fiber") // the others have net/http's way with connections
	}
	for _, host := range names {
		for _, o := range offenders {
			t.Run(host+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				offend(t, host, o, 1, 50)
				offend(t, host, o, min(crowd, 2000), 1)
			})
		}
	}
}

func offend(t *testing.T, host string, o offender, n, effort int) {
	t.Helper()
	settings := caps
	settings.Host, settings.PingInterval, settings.PingTimeout, settings.ConnectTimeout = host, o.ping, o.ping, o.ping
	server := target.Start(t, settings)
	canary := server.Canary()
	before := server.Snapshot()
	peak := watch(t, server)
	readers := slowReaders(server.Addr, 3)
	guests := make([]*guest, n)
	err := many(n, 200, func(i int) (err error) {
		if guests[i], err = invite(server.Addr, o.polls); err != nil {
			return err
		}
		return o.do(guests[i], effort)
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Eventually(func(s target.Snapshot) error {
		if o.reason == "" && o.held(s, n) || o.reason != "" && s.IO.Engine.Closed[o.reason] >= int64(n) {
			return nil
		}
		return fmt.Errorf("%d offenders: ended %v, %d handlers blocked, %+v", n, s.IO.Engine.Closed, s.Blocked, s.IO)
	})
	if err := readers(); err != nil {
		t.Error(err)
	}
	most := peak()
	if limit := before.RSS + budget + caps.MaxTotalQueuedBytes + int64(n*caps.MaxQueuedEventBytes); most > limit {
		t.Errorf("%d offenders: %d MB resident, more than %d MB", n, most>>20, limit>>20)
	}
	echoes, p99 := canary.Echoes()
	t.Logf("%4d: at most %3d MB resident, %d MB before; the honest client: %d echoes, p99 %v", n, most>>20, before.RSS>>20, echoes, p99)
	for _, g := range guests {
		_ = g.conn.Close()
	}
	if err := server.Release(); err != nil {
		t.Error(err)
	}
	canary.Stop(t)
	before.Heap += int64(n * 20 << 10) // the runtime keeps what it needs for a goroutine, and here are 20 for each
	server.Recovers(before)
}

// watch notes how much of the server is resident at most, until it is asked.
func watch(t *testing.T, server *target.Target) (peak func() int64) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan int64, 1)
	go func() {
		most := int64(0)
		for {
			if memory, err := server.Process().Memory(); err == nil {
				most = max(most, memory.RSS)
			}
			select {
			case <-stop:
				done <- most
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() int64 { close(stop); return <-done }
}
