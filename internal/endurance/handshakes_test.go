package endurance

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// perConnection is how many handshakes come over one connection, which is kept alive.
const perConnection = 100

// shakeHands makes n handshakes by polling that nobody follows up. It returns how many
// were answered by each status, and what was said about when to come back.
func shakeHands(addr string, n int) (statuses map[int]int64, retryAfter string, err error) {
	var ok, full atomic.Int64
	var after atomic.Value
	err = many((n+perConnection-1)/perConnection, 50, func(i int) error {
		conn, err := from(i).Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		for range min(perConnection, n-i*perConnection) {
			_ = conn.SetDeadline(time.Now().Add(target.Patience))
			g := newGuest(conn)
			status, header, _, err := g.exchange("GET", "")
			switch {
			case err != nil:
				return err
			case status == 200:
				ok.Add(1)
			case status == 503:
				full.Add(1)
				after.Store(header.Get("Retry-After"))
			default:
				return fmt.Errorf("status %d", status)
			}
		}
		return nil
	})
	retryAfter, _ = after.Load().(string)
	return map[int]int64{200: ok.Load(), 503: full.Load()}, retryAfter, err
}

// TestAbandonedHandshakes: a session that nobody has joined costs 2 KB and no
// goroutine, and lasts for ConnectTimeout.
func TestAbandonedHandshakes(t *testing.T) {
	calm := target.Start(t, target.Settings{}).Canary()
	for _, host := range target.Hosts() {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			timeout := 5 * time.Second
			if whole() {
				timeout = time.Duration(25**scale) * time.Second // longer than it takes to make them, beside another host's
			}
			n := max(scaled(100_000), 2000)
			server := target.Start(t, target.Settings{Host: host, ConnectTimeout: timeout})
			if _, _, err := shakeHands(server.Addr, 10*perConnection); err != nil { // what is made once
				t.Fatal(err)
			}
			canary := server.Canary()
			before := server.Snapshot()
			began := time.Now()
			if _, _, err := shakeHands(server.Addr, n); err != nil {
				t.Fatal(err)
			}
			last := time.Now()
			if last.Sub(began) > timeout {
				t.Fatalf("this machine takes %v for %d handshakes", last.Sub(began), n)
			}
			notHeldUp(t, canary, calm, began)
			there := server.Eventually(func(s target.Snapshot) error { return back(s, before) })
			sessions := there.IO.Engine.Sessions - before.IO.Engine.Sessions
			each := (there.Heap - before.Heap) / int64(n)
			if sessions != n || each > 2048 {
				t.Errorf("%d sessions of %d, of %d bytes each", sessions, n, each)
			}
			time.Sleep(time.Until(last.Add(timeout - time.Second)))
			gone := server.Eventually(func(s target.Snapshot) error {
				if s.IO.Engine.Sessions != 1 {
					return fmt.Errorf("%d sessions", s.IO.Engine.Sessions)
				}
				return nil
			})
			took := time.Since(last)
			if whole() && took > timeout+time.Second {
				t.Errorf("gone after %v", took)
			}
			t.Logf("%d handshakes in %v, %d bytes each; the last gone after %v; goroutines %d, before %d",
				n, last.Sub(began).Round(time.Millisecond), each, took.Round(time.Millisecond), gone.Goroutines, before.Goroutines)
			canary.Stop(t)
			server.Recovers(before)
		})
	}
}

// notHeldUp checks, in the whole suite, that an honest client waits for its echoes no
// longer than 50 ms, for 99 of 100 of them, or on a machine that has no time for anybody,
// not much longer than one whose server has nothing else to do.
func notHeldUp(t *testing.T, canary, calm *target.Canary, since time.Time) {
	t.Helper()
	n, p99 := canary.EchoesSince(since)
	_, usual := calm.EchoesSince(since)
	t.Logf("the honest client: %d echoes, p99 %v; with nobody else there, %v", n, p99, usual)
	if whole() && p99 > max(50*time.Millisecond, 3*usual) {
		t.Errorf("the honest client waited %v", p99)
	}
}

// back reports whether the connections of the handshakes are gone. A few goroutines wait
// for more of them.
func back(s, before target.Snapshot) error {
	if s.Goroutines > before.Goroutines+100 || s.Descriptors > before.Descriptors {
		return fmt.Errorf("%d goroutines, %d descriptors; before %d, %d", s.Goroutines, s.Descriptors, before.Goroutines, before.Descriptors)
	}
	return nil
}

// TestHandshakesBeyondTheCaps: who comes too late is told when to come back, and who
// was there does not notice.
func TestHandshakesBeyondTheCaps(t *testing.T) {
	calm := target.Start(t, target.Settings{}).Canary()
	const places = 500
	n := max(scaled(50_000), 2*places)
	for name, settings := range map[string]target.Settings{
		"sessions":              {MaxSessions: places},
		"handshakes per second": {MaxHandshakesPerSecond: 100},
	} {
		for _, host := range target.Hosts() {
			t.Run(name+"/"+host, func(t *testing.T) {
				settings.Host, settings.ConnectTimeout = host, time.Minute
				server := target.Start(t, settings)
				canary := server.Canary()
				began := time.Now()
				statuses, after, err := shakeHands(server.Addr, n)
				if err != nil {
					t.Fatal(err)
				}
				passed := int64(places)
				if settings.MaxSessions == 0 {
					passed = int64(float64(settings.MaxHandshakesPerSecond) * (2 + time.Since(began).Seconds()))
				}
				if statuses[200] > passed || statuses[200] == 0 || statuses[503] != int64(n)-statuses[200] || len(after) == 0 || after == "0" {
					t.Errorf("%v, Retry-After %q", statuses, after)
				}
				notHeldUp(t, canary, calm, began)
				stats := server.Snapshot().IO.Engine
				if refused := stats.RefusedFull + stats.RefusedBusy; refused != statuses[503] {
					t.Errorf("%d counted", refused)
				}
				t.Logf("%v in %v", statuses, time.Since(began).Round(time.Millisecond))
			})
		}
	}
}
