package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/faultproxy"
	"github.com/kawat-go/kawat/internal/testservers"
)

// hurried has nodes notice soon that a server is silent.
func hurried(c Config) backplane.Backplane {
	return &plane{config: c, patience: patience{
		connect: 500 * time.Millisecond, answer: 700 * time.Millisecond, quiet: 200 * time.Millisecond, again: 100 * time.Millisecond,
	}}
}

// together publishes from each member until all others have heard it, and returns
// when the link is whole. It is an error if sending waits.
func together(t *testing.T, what string, members ...*member) {
	t.Helper()
	heard := func(m *member, text string) bool {
		for _, message := range m.messages() {
			if string(message.Data.JSON) == text {
				return true
			}
		}
		return false
	}
	for i, from := range members {
		n := 0
		until(t, fmt.Sprintf("%s: %d is heard by all", what, i), func() bool {
			text := fmt.Sprintf(`["%s",%d,%d]`, what, i, n)
			n++
			begin := time.Now()
			_ = from.Publish(event("/", text))
			if took := time.Since(begin); took > time.Second {
				t.Errorf("%s: Publish has taken %v", what, took)
			}
			for deadline := time.Now().Add(50 * time.Millisecond); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
				all := true
				for _, to := range members {
					all = all && (to == from || heard(to, text))
				}
				if all {
					return true
				}
			}
			return false
		})
	}
}

// once checks that nothing was given twice, and that what came of one sender was in
// order.
func once(t *testing.T, members ...*member) {
	t.Helper()
	for _, m := range members {
		seen := map[string]bool{}
		for _, message := range m.messages() {
			if message.Kind == backplane.NodeLeft {
				continue
			}
			key := message.From + string(message.Data.JSON)
			if seen[key] {
				t.Errorf("%s was given twice", key)
			}
			seen[key] = true
		}
	}
}

func TestServerIsStartedAnew(t *testing.T) {
	t.Parallel()
	s := testservers.StartPostgres(t)
	c := quick(Config{Pool: pool(t, s.URL()), CreateTable: true})
	b := hurried(c)
	n, other := join(t, b, "/"), join(t, b, "/")
	meet("/", n, other)
	together(t, "before", n, other)
	for _, m := range []*member{n, other} {
		if len(m.event(backplane.Down))+len(m.event(backplane.Gap)) > 0 {
			t.Errorf("events without a reason: %v", m.events)
		}
	}
	s.Stop()
	until(t, "it is noticed", func() bool { return len(n.event(backplane.Down)) == 1 && len(other.event(backplane.Down)) == 1 })
	if _, err := n.Peers(t.Context(), "/"); !errors.Is(err, errDown) {
		t.Errorf("while the link is cut, Peers says %v", err)
	}
	time.Sleep(100 * time.Millisecond) // so that the connection that sends is not trusted
	for i := range 3 {
		n.publish(event("/", fmt.Sprintf(`["while it is down %d"]`, i)))
	}
	n.Open("/new")
	time.Sleep(c.HeartbeatTimeout + 100*time.Millisecond) // that is nobody's death
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	other.Open("/new")
	for _, m := range []*member{n, other} {
		until(t, "it is noticed that the server is back", func() bool { return len(m.event(backplane.Up)) >= 1 })
		until(t, "a gap is reported", func() bool {
			gaps := m.event(backplane.Gap)
			return len(gaps) > 0 && gaps[len(gaps)-1].Lost == -1 && gaps[len(gaps)-1].For > 0
		})
	}
	together(t, "after", n, other)
	for _, e := range n.event(backplane.Gap) {
		if e.Lost > 0 {
			t.Errorf("the sender has lost %d, and could have sent them later", e.Lost)
		}
	}
	meet("/", n, other)
	meet("/new", n, other)
	n.publish(event("/new", `["x",{"_placeholder":true,"num":0}]`, []byte("b")))
	until(t, "it comes", func() bool { return strings.Contains(fmt.Sprint(other.said()), `["x",{`) })

	// With its data lost the table is gone, and is made again.
	if err := s.Lose(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	together(t, "empty", n, other)
	before := len(n.event(backplane.Gap))
	n.publish(event("/", `["again",{"_placeholder":true,"num":0}]`, []byte("b")))
	n.publish(event("/", `["behind it"]`))
	until(t, "it comes", func() bool { return strings.Contains(fmt.Sprint(other.said()), `["behind it"]`) })
	if said := fmt.Sprint(other.said()); !strings.Contains(said, `["again",{`) || len(n.event(backplane.Gap)) > before {
		t.Errorf("what needs the table is lost: %v", n.event(backplane.Gap)[before:])
	}
	once(t, n, other)
	if said := fmt.Sprint(n.said(), other.said()); strings.Contains(said, "left: ") {
		t.Error("a cut link was taken for a death")
	}
}

// end has the server end the connections whose last query was like one of these.
func end(t *testing.T, c Config, queries ...string) {
	t.Helper()
	exec(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE ANY ($1)", queries)
}

func TestConnectionsAreEnded(t *testing.T) {
	c := apart(t)
	b := &plane{config: c, patience: patience{ // with answers a busy machine does not take for lost
		connect: time.Minute, answer: time.Minute, quiet: 200 * time.Millisecond, again: 100 * time.Millisecond,
	}}
	n, other := join(t, b, "/"), join(t, b, "/")
	meet("/", n, other)
	for i := range 5 {
		together(t, fmt.Sprint("round ", i), n, other)
		downs := len(n.event(backplane.Down))
		end(t, c, "LISTEN %", "-- are you there?")
		until(t, "it is noticed", func() bool { return len(n.event(backplane.Down)) > downs })
	}
	together(t, "end", n, other)
	meet("/", n, other)
	once(t, n, other)
	for _, e := range n.event(backplane.Gap) {
		if e.Lost > 0 {
			t.Errorf("the sender was not cut, and has lost %d", e.Lost)
		}
	}
}

// The connection that sends is found dead before anything is lost.
func TestSenderIsEnded(t *testing.T) {
	c := apart(t)
	b := hurried(c)
	n, other := join(t, b, "/"), join(t, b, "/")
	meet("/", n, other)
	var want []string
	for i := range 5 {
		text := fmt.Sprintf("[%d]", i)
		want = append(want, text)
		n.publish(event("/", text))
		other.hears(want...)
		end(t, c, "%pg_notify% unnest(%")
		time.Sleep(60 * time.Millisecond)
	}
	n.publish(event("/", "[5]"))
	other.hears(append(want, "[5]")...)
}

// A server that hangs is noticed, nobody waits for it, and it is found again.
func TestServerHangs(t *testing.T) {
	t.Parallel()
	s := testservers.StartPostgres(t)
	c := Config{Pool: pool(t, s.URL()), CreateTable: true}
	b := hurried(c)
	n, other := join(t, b, "/"), join(t, b, "/")
	meet("/", n, other)
	for i := range 2 {
		s.Pause()
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
					_ = n.Publish(event("/", fmt.Sprintf(`["%d",%d]`, i, time.Now().UnixNano())))
				}
			}
		}()
		for _, m := range []*member{n, other} {
			until(t, "the silence is noticed", func() bool { return len(m.event(backplane.Down)) == i+1 })
		}
		s.Resume()
		for _, m := range []*member{n, other} {
			until(t, "it is noticed that the server is back", func() bool { return len(m.event(backplane.Up)) == i+1 })
		}
		close(stop)
		<-done
		together(t, fmt.Sprint("round ", i), n, other)
		meet("/", n, other)
	}
	once(t, n, other)

	s.Pause()
	begin := time.Now()
	_ = n.Close()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("Close has taken %v", took)
	}
	s.Resume()
	other.knows("/")
}

// What is between is cut in all ways.
func TestNetworkFaults(t *testing.T) {
	t.Parallel()
	s := server(t)
	proxy, err := faultproxy.Start(s.Addr(), faultproxy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	c := apart(t)
	through := c
	through.Pool = pool(t, s.URLThrough(proxy.Addr()))
	n, other := join(t, hurried(through), "/"), join(t, hurried(c), "/")
	meet("/", n, other)
	for _, fault := range []struct {
		name   string
		action faultproxy.Action
	}{{"cut", faultproxy.Cut}, {"reset", faultproxy.Reset}, {"vanish", faultproxy.Vanish}, {"cut again", faultproxy.Cut}} {
		together(t, fault.name+" before", n, other)
		downs := len(n.event(backplane.Down))
		for _, conn := range proxy.Conns() {
			conn.Do(fault.action)
		}
		until(t, fault.name+" is noticed", func() bool { return len(n.event(backplane.Down)) > downs })
		until(t, "the link is back", func() bool { return len(n.event(backplane.Up)) > downs })
	}
	together(t, "end", n, other)
	meet("/", n, other)
	once(t, n, other)
	if len(other.event(backplane.Down)) > 0 {
		t.Error("a node is down that was not cut")
	}
}

// The server goes on for a while with what a connection has sent that is cut. What is
// said later does not overtake it, unless it takes too long.
func TestWhatIsCutIsNotOvertaken(t *testing.T) {
	c := apart(t)
	checked, err := c.check()
	if err != nil {
		t.Fatal(err)
	}
	for _, ends := range []bool{true, false} {
		old, err := checked.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := &sender{settings: checked, patience: standardPatience, connect: checked.connect, unsure: old.PgConn().PID()}
		const later = 200 * time.Millisecond
		if ends {
			time.AfterFunc(later, func() { hangUp(old.PgConn()) })
		}
		began := time.Now()
		if err := s.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < later || ends && took >= endPatience || !ends && took < endPatience || s.unsure != 0 {
			t.Errorf("ends %v: it is ready after %v", ends, took)
		}
		s.close()
		hangUp(old.PgConn())
	}
}
