package socketio_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A fleet is nodes that come and go.
type fleet struct {
	t     *testing.T
	cfg   socketio.Config
	mu    sync.Mutex
	nodes []*server // that serve, or drain
}

func (f *fleet) pick(r *rand.Rand) *server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nodes[r.IntN(len(f.nodes))]
}

// restart replaces a node: another one comes, then this one drains, and leaves.
func (f *fleet) restart(old *server, leave func(*server)) {
	f.mu.Lock()
	f.nodes = append(f.nodes, durableNodes(f.t, 1, f.cfg)...)
	f.mu.Unlock()
	must(f.t, old.Drain(f.t.Context(), 2*time.Second))
	f.mu.Lock()
	for i, io := range f.nodes {
		if io == old {
			f.nodes = append(f.nodes[:i:i], f.nodes[i+1:]...)
			break
		}
	}
	f.mu.Unlock()
	leave(old)
}

// A rover is a client that connects to any of the nodes, and again when it is cut.
type rover struct {
	*fleet
	r           *rand.Rand
	transport   string
	pid, offset string
	numbers     []int // that it has heard
	moves       int
	refused     int
	lost        bool
	stop        chan struct{}
	joined      chan struct{}
}

func (v *rover) run() {
	for first := true; ; first = false {
		auth := map[string]any{}
		if v.pid != "" {
			auth["pid"] = v.pid
		}
		if v.offset != "" {
			auth["offset"] = v.offset
		}
		c := v.open(siotest.Options{Transport: v.transport, Auth: auth})
		if c == nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if err := c.Connect(); err != nil {
			v.t.Error(err)
			return
		}
		if first {
			close(v.joined)
		}
		select {
		case <-c.Done():
		case <-v.stop:
			v.read(c, first)
			c.Close()
			<-c.Done()
			return
		}
		v.read(c, first)
		v.moves++
		time.Sleep(time.Duration(500+v.r.IntN(1000)) * time.Millisecond)
	}
}

// open returns nil if the node takes no more clients.
func (v *rover) open(opts siotest.Options) (c *siotest.Client) {
	defer func() {
		if recover() != nil {
			v.refused++
		}
	}()
	return siotest.Open(nil, v.pick(v.r), opts)
}

func (v *rover) read(c *siotest.Client, first bool) {
	for _, m := range c.Raw() {
		text, _ := m.(string)
		if strings.HasPrefix(text, "40{") {
			var answer struct{ PID string }
			if err := json.Unmarshal([]byte(text[2:]), &answer); err != nil {
				v.t.Error(err)
			}
			if !first && answer.PID != v.pid {
				v.lost = true
			}
			v.pid = answer.PID
		}
	}
	for _, e := range c.Events() {
		var number int
		if err := e.Bind(&number, &v.offset); err != nil {
			v.t.Error(err)
		}
		v.numbers = append(v.numbers, number)
	}
}

// All nodes are replaced, one after the other, while 500 messages a second are sent by
// any of them: every client hears each of them, once, in order.
func TestRollingRestart(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, io *server){
		"Shutdown": func(t *testing.T, io *server) { must(t, io.Shutdown(t.Context())) },
		"Close":    func(t *testing.T, io *server) { must(t, io.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rollingRestart(t, func(io *server) { leave(t, io) }) })
		})
	}
}

func rollingRestart(t *testing.T, leave func(io *server)) {
	f := &fleet{t: t, cfg: socketio.Config{
		Backplane: durableLines(rand.New(rand.NewPCG(0, 4))), ConnectionStateRecovery: new(socketio.Recovery),
	}}
	f.nodes = durableNodes(t, 3, f.cfg)
	var rovers []*rover
	var all sync.WaitGroup
	stop := make(chan struct{})
	for i := range 12 {
		v := &rover{
			fleet: f, r: rand.New(rand.NewPCG(uint64(i), 2)), transport: []string{engine.WebSocket, engine.Polling}[i%2],
			stop: stop, joined: make(chan struct{}),
		}
		rovers = append(rovers, v)
		all.Go(v.run)
	}
	for _, v := range rovers {
		<-v.joined
	}
	emitting, ends := context.WithCancel(t.Context())
	sent := make(chan int)
	go func() {
		r, n := rand.New(rand.NewPCG(0, 3)), 0
		for ; emitting.Err() == nil; n++ {
			must(t, f.pick(r).Emit("n", n))
			time.Sleep(2 * time.Millisecond)
		}
		sent <- n
	}()
	for _, old := range append([]*server(nil), f.nodes...) {
		time.Sleep(time.Second)
		f.restart(old, leave)
	}
	time.Sleep(3 * time.Second)
	ends()
	total := <-sent
	time.Sleep(time.Second)
	close(stop)
	all.Wait()
	moves := 0
	for i, v := range rovers {
		if v.lost {
			t.Errorf("client %d was not recovered", i)
		}
		if len(v.numbers) != total {
			t.Errorf("client %d heard %d of %d", i, len(v.numbers), total)
		}
		for at, number := range v.numbers {
			if number != at {
				t.Errorf("client %d heard %d where %d should be", i, number, at)
				break
			}
		}
		moves += v.moves
	}
	if moves < len(rovers) || total < 5000 {
		t.Errorf("only %d moves and %d messages", moves, total)
	}
}
