package faultproxy

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a [Proxy].
type Options struct {
	// Seed is where the random numbers come from.
	Seed uint64
	// Plan returns what becomes of the connection with that number, counted from 0 in
	// the order in which clients connect. It must not use the proxy. Default:
	// everything is forwarded as it comes.
	Plan func(n int) Plan
}

// Stats count what a [Proxy] has done so far.
type Stats struct {
	Accepted int   // connections of clients
	Open     int   // of them, those that have not ended
	Up, Down int64 // bytes that were forwarded to the server, and to clients
}

// A Proxy listens on a free port of 127.0.0.1 and forwards to a server.
type Proxy struct {
	target   string
	opts     Options
	listener *net.TCPListener
	ctx      context.Context // ends with the proxy
	stop     context.CancelFunc
	running  sync.WaitGroup
	up, down atomic.Int64

	mu       sync.Mutex
	came     sync.Cond // a client has connected, or the proxy is closed
	closed   bool
	accepted int
	open     map[string]*Conn // by the client's address
}

// Start starts a proxy for the server at target. The caller closes it.
func Start(target string, opts Options) (*Proxy, error) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, opts: opts, listener: listener, open: make(map[string]*Conn)}
	p.came.L = &p.mu
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns the address to connect to, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close ends all connections, and returns when nothing of the proxy is left.
func (p *Proxy) Close() {
	p.stop()
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.came.Broadcast()
	p.mu.Unlock()
	for _, c := range p.Conns() {
		c.end(false)
	}
	p.running.Wait()
}

// Stats returns what has been done so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Accepted: p.accepted, Open: len(p.open), Up: p.up.Load(), Down: p.down.Load()}
}

// Conns returns the connections that have not ended, in no order.
func (p *Proxy) Conns() []*Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Conn, 0, len(p.open))
	for _, c := range p.open {
		all = append(all, c)
	}
	return all
}

// Find returns the connection of a client with that address, the local one of the
// client's net.Conn, which has to be connected. It waits until the proxy has seen it.
// It returns nil when ctx ends or the proxy is closed before that, and the first may be
// because the connection has ended already.
func (p *Proxy) Find(ctx context.Context, client net.Addr) *Conn {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.came.Broadcast()
	})
	defer stop()
	key := client.String()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if c := p.open[key]; c != nil || p.closed || ctx.Err() != nil {
			return c
		}
		p.came.Wait()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.AcceptTCP()
		if err != nil {
			select {
			case <-p.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond): // no descriptor is free
				continue
			}
		}
		p.add(client)
	}
}

func (p *Proxy) add(client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = client.Close()
		return
	}
	c := newConn(p, p.accepted, client)
	p.accepted++
	if old := p.open[c.key]; old != nil { // had vanished, and its client has gone since
		p.running.Go(func() { old.end(true) })
	}
	p.open[c.key] = c
	p.came.Broadcast()
	p.running.Go(c.run)
}

func (p *Proxy) remove(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[c.key] == c { // the port may be another connection's by now
		delete(p.open, c.key)
	}
}
