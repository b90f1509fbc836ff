package faultproxy

import (
	"net"
	"sync"
)

// A Conn is a client's connection through the proxy.
type Conn struct {
	proxy  *Proxy
	number int
	key    string // the client's address
	client *net.TCPConn
	up     way
	down   way
	done   chan struct{} // closed at the end

	mu       sync.Mutex
	server   *net.TCPConn // nil until connected
	ended    bool
	reset    bool // that is how it ended
	vanished bool
	changed  chan struct{} // closed and replaced when who waits has to look again
}

func newConn(p *Proxy, number int, client *net.TCPConn) *Conn {
	c := &Conn{
		proxy: p, number: number, key: client.RemoteAddr().String(), client: client,
		done: make(chan struct{}), changed: make(chan struct{}),
	}
	c.up.init(c, 0, &p.up)
	c.down.init(c, 1, &p.down)
	if p.opts.Plan != nil { // before anybody can set another
		plan := p.opts.Plan(number)
		c.up.set(plan.Up)
		c.down.set(plan.Down)
	}
	return c
}

// Number returns the place of the connection among all, counted from 0.
func (c *Conn) Number() int { return c.number }

// Up returns how many bytes have been forwarded to the server.
func (c *Conn) Up() int64 { return c.up.bytes.Load() }

// Down returns how many bytes have been forwarded to the client.
func (c *Conn) Down() int64 { return c.down.bytes.Load() }

// Done returns a channel that is closed when the connection has ended on both sides.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Set changes the plan. What waits in vain by the old one goes on by the new one,
// except that a way that was finished stays so. An action without After has happened
// when Set returns.
func (c *Conn) Set(plan Plan) {
	c.mu.Lock()
	c.vanished = false
	c.up.set(plan.Up)
	c.down.set(plan.Down)
	c.wake()
	c.mu.Unlock()
	c.up.act()
	c.down.act()
}

// Do lets an action happen at once, on both ways. Otherwise the plan stays. For a
// stall use Set, which says how long.
func (c *Conn) Do(a Action) {
	c.up.perform(a, 0)
	c.down.perform(a, 0)
}

// wake lets those look again who wait. The caller holds c.mu.
func (c *Conn) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// run connects to the server and forwards until the end.
func (c *Conn) run() {
	defer c.end(false)
	c.up.act()
	c.down.act()
	if c.isEnded() {
		return
	}
	var d net.Dialer
	server, err := d.DialContext(c.proxy.ctx, "tcp", c.proxy.target)
	if err != nil {
		c.end(true)
		return
	}
	if !c.connected(server.(*net.TCPConn)) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { c.up.pump(c.client, c.server) })
	c.down.pump(c.server, c.client)
	both.Wait()
}

func (c *Conn) connected(server *net.TCPConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		hangUp(server, c.reset)
		return false
	}
	c.server = server
	return true
}

func (c *Conn) isEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// end closes both sides. Of several calls the first one counts.
func (c *Conn) end(reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended, c.reset = true, reset
	c.proxy.remove(c)
	hangUp(c.client, reset)
	if c.server != nil {
		hangUp(c.server, reset)
	}
	c.wake()
	close(c.done)
}

func hangUp(side *net.TCPConn, reset bool) {
	if reset {
		_ = side.SetLinger(0)
	}
	_ = side.Close()
}
