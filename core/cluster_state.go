package socketio

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/kawat-go/kawat/core/backplane"
)

// clusterCounts count what passes between this node and the others.
type clusterCounts struct {
	sent, received, ignored, lost, gaps atomic.Int64
	down                                atomic.Bool
}

// BackplaneStats are the counters of what links the server with other nodes, at one
// moment. What has happened is counted since the server was made.
type BackplaneStats struct {
	Down     bool  // the link is cut
	Nodes    int   // other nodes of Kawat's; servers of Node's are not known by the server itself
	Sent     int64 // messages that were given to the backplane
	Received int64 // messages that other nodes have sent
	Ignored  int64 // of those, and of what the backplane has seen, what could not be understood
	Lost     int64 // messages of this node that were not sent
	Gaps     int64 // times when messages of others were lost, nobody knows how many
}

func (c *cluster) stats() (stats BackplaneStats) {
	if c == nil {
		return stats
	}
	return BackplaneStats{
		Down: c.counts.down.Load(), Nodes: len(c.node.Nodes()),
		Sent: c.counts.sent.Load(), Received: c.counts.received.Load(),
		Ignored: c.counts.ignored.Load(), Lost: c.counts.lost.Load(), Gaps: c.counts.gaps.Load(),
	}
}

// publish sends a message to the other members of its namespace.
func (c *cluster) publish(m backplane.Message) error {
	if c.ctx.Err() != nil { // it is leaving, though the backplane may not know yet
		return backplane.ErrClosed
	}
	err := c.node.Publish(m)
	c.noteSent(err)
	return err
}

// reply sends an answer.
func (c *cluster) reply(to, m backplane.Message) error {
	err := c.node.Reply(to, m)
	c.noteSent(err)
	return err
}

func (c *cluster) noteSent(err error) {
	if err == nil {
		c.counts.sent.Add(1)
	} else {
		c.counts.lost.Add(1)
	}
}

// ignore notes that a message could not be understood.
func (c *cluster) ignore(m backplane.Message, err error) {
	c.server.say(c.ctx, lineOtherNode, slog.LevelWarn, "a message of another node is ignored",
		"kind", int(m.Kind), "namespace", logName(m.Namespace), "node", logName(m.From), "error", logError{err})
	c.note(backplane.Event{Kind: backplane.Ignored, Err: err})
}

// observe is told of the state of the link between the nodes. It may be called while
// something is being published, so the program is told by an errand.
func (c *cluster) observe(e backplane.Event) {
	defer c.server.recovered("Config.Backplane")
	switch s := c.server; e.Kind {
	case backplane.Down:
		s.say(c.ctx, lineLink, slog.LevelWarn, "the link to the other nodes is cut", "error", e.Err)
	case backplane.Up:
		s.say(c.ctx, lineLink, slog.LevelInfo, "the link to the other nodes is back", "after", e.For)
	case backplane.Gap:
		s.say(c.ctx, lineLink, slog.LevelWarn, "messages between nodes were lost", "lost", e.Lost, "error", e.Err)
	case backplane.Ignored:
		s.say(c.ctx, lineOtherNode, slog.LevelWarn, "something that came over the backplane is ignored", "error", e.Err)
	}
	c.note(e)
}

// note counts an event of the link, and tells the observer.
func (c *cluster) note(e backplane.Event) {
	switch e.Kind {
	case backplane.Down:
		c.counts.down.Store(true)
	case backplane.Up:
		c.counts.down.Store(false)
	case backplane.Gap:
		if e.Lost < 0 {
			c.counts.gaps.Add(1)
		} else {
			c.counts.lost.Add(int64(e.Lost))
		}
	case backplane.Ignored:
		c.counts.ignored.Add(1)
	}
	if f := c.server.observer.Backplane; f != nil {
		c.errands.add(func() { c.server.guard("Observer.Backplane", func() { f(e) }) })
	}
}

// maxErrands bounds the errands that wait.
const maxErrands = 10_000

// errands are calls of the program's functions that must not hold up who causes them.
// They are run one after another, by a goroutine that is there only while there are
// some; what is too much is dropped.
type errands struct {
	workers *tally

	mu      sync.Mutex
	queue   []func()
	running bool
}

// add queues an errand, which must not panic.
func (r *errands) add(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) >= maxErrands {
		return
	}
	r.queue = append(r.queue, f)
	if !r.running {
		r.running = true
		r.workers.add()
		go r.run()
	}
}

// run runs errands until there are none. One that ends the goroutine does not end
// that.
func (r *errands) run() {
	done := false
	defer func() {
		if !done {
			go r.run()
			return
		}
		r.workers.done()
	}()
	for {
		f := r.next()
		if f == nil {
			done = true
			return
		}
		f()
	}
}

func (r *errands) next() func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.queue, r.running = nil, false
		return nil
	}
	f := r.queue[0]
	r.queue[0] = nil
	r.queue = r.queue[1:]
	return f
}
