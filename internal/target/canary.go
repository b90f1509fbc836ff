package target

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// A Canary is an honest client beside an attack. It has its event echoed, over and
// over, and notes how long that takes.
type Canary struct {
	conn *websocket.Conn
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex
	echoes []echoed
	err    error
}

// An echoed is one echo: when it was asked for, and how long it took.
type echoed struct {
	at   time.Time
	took time.Duration
}

// canaryPause is the time between two echoes.
const canaryPause = 2 * time.Millisecond

// Canary connects one over WebSocket. The test fails if it has not been echoed well
// until the test's end.
func (g *Target) Canary() *Canary {
	g.t.Helper()
	conn, res, err := websocket.DefaultDialer.Dial("ws://"+g.Addr+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	_ = res.Body.Close()
	c := &Canary{conn: conn, stop: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	g.t.Cleanup(func() { c.Stop(g.t) })
	return c
}

// Stop disconnects it, once, and reports what went wrong.
func (c *Canary) Stop(t testing.TB) {
	t.Helper()
	select {
	case <-c.stop:
		return
	default:
	}
	close(c.stop)
	<-c.done
	if c.err != nil {
		t.Errorf("the honest client: %v", c.err)
	}
}

// Echoes returns how many echoes there were, and how long the slowest hundredth of
// them took at least.
func (c *Canary) Echoes() (n int, p99 time.Duration) { return c.EchoesSince(time.Time{}) }

// EchoesSince is about those that were asked for since a moment.
func (c *Canary) EchoesSince(start time.Time) (n int, p99 time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var took []time.Duration
	for _, e := range c.echoes {
		if !e.at.Before(start) {
			took = append(took, e.took)
		}
	}
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	return len(took), took[len(took)*99/100]
}

func (c *Canary) run() {
	defer close(c.done)
	defer c.conn.Close()
	if err := c.echo(); err != nil {
		c.err = err
	}
}

func (c *Canary) echo() error {
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		return err
	}
	if err := c.expect("0{"); err != nil {
		return err
	}
	if err := c.expect("40{"); err != nil {
		return err
	}
	for n := 0; ; n++ {
		select {
		case <-c.stop:
			return c.conn.WriteMessage(websocket.TextMessage, []byte("41"))
		case <-time.After(canaryPause):
		}
		start := time.Now()
		if err := c.conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `42%d["echo",%d]`, n%1000, n)); err != nil {
			return err
		}
		if err := c.expect(fmt.Sprintf("43%d[%d]", n%1000, n)); err != nil {
			return err
		}
		c.mu.Lock()
		c.echoes = append(c.echoes, echoed{start, time.Since(start)})
		c.mu.Unlock()
	}
}

// expect reads the next message but pings, which it answers. It must begin so.
func (c *Canary) expect(prefix string) error {
	for {
		_ = c.conn.SetReadDeadline(time.Now().Add(Patience))
		_, message, err := c.conn.ReadMessage()
		switch {
		case err != nil:
			return err
		case string(message) == "2":
			if err := c.conn.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
				return err
			}
		case !strings.HasPrefix(string(message), prefix):
			return fmt.Errorf("received %q, want %q", message, prefix)
		default:
			return nil
		}
	}
}
