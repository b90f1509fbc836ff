package nats

import (
	"errors"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// In a cluster of servers, messages are lost where these are cut off from each other,
// and no node's connection is. So a node numbers its states, and says with each how
// much it has published since the one before: who has received less has missed
// something. All of it goes over one connection to the server and one between each two
// servers, so it comes in order. With JetStream nothing that is counted here is kept by
// others, and what is kept has a number of its own.

const (
	mostCounted = 1000     // namespaces in a state; what is published in others is not counted
	mostMissing = 10_000   // nodes that are taken for dead, and could be back
	settled     = 2 * tick // until a server that is new sends us everything, or more
)

// A count is what one node has said to all.
type count struct {
	number uint64         // of its last state; 0 before the first
	when   time.Time      // that came
	first  time.Time      // when the first one did, or our own connection was there again
	came   map[string]int // messages since, by namespace
}

var errMissed = errors.New("nats: messages of another node were lost on the way")

// spoke counts what was published to all members of a namespace. The caller holds n.mu.
func (n *node) spoke(namespace string) {
	if n.stream != nil {
		return
	}
	if _, known := n.spoken[namespace]; known || len(n.spoken) < mostCounted {
		n.spoken[namespace]++
	}
}

// came counts what has come from one to all members of a namespace. The caller holds
// n.mu.
func (k *kin) came(m backplane.Message) {
	switch m.Kind {
	case wire.InitialHeartbeat, wire.Heartbeat, backplane.NodeLeft:
		return // are not counted
	}
	c := &k.count
	if c.number == 0 {
		return
	}
	if c.came == nil {
		c.came = make(map[string]int)
	}
	c.came[m.Namespace]++
}

// missed compares a state to all with what has come since the one before. The caller
// holds n.mu.
func (n *node) missed(k *kin, st state) (missed bool) {
	c, now := &k.count, time.Now()
	if st.Number == 0 || n.stream != nil {
		return false
	}
	switch steady := c.number > 0 && c.when.Sub(c.first) > settled; {
	case c.number == 0:
		if c.first.IsZero() {
			c.first = now
		}
	case st.Number != c.number+1:
		missed = true
	case steady:
		for name, said := range st.Said {
			s := n.spaces[token(name)]
			if s != nil && s.name == name && c.when.Sub(s.since) > settled && c.came[name] < said {
				missed = true
			}
		}
	}
	c.number, c.when, c.came = st.Number, now, nil
	return missed
}

// recount has the counts of the others begin anew. The caller holds n.mu.
func (n *node) recount() {
	for _, k := range n.kawat {
		k.count = count{first: time.Now()}
	}
	clear(n.missing)
}

// returned reports whether a node that is heard of has been taken for dead. The caller
// holds n.mu.
func (n *node) returned(id string) bool {
	_, back := n.missing[id]
	delete(n.missing, id)
	return back && n.stream == nil
}

// miss notes that a node is taken for dead. The caller holds n.mu.
func (n *node) miss(id string) {
	if len(n.missing) < mostMissing {
		n.missing[id] = struct{}{}
	}
}
