package socketio

import (
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// A client can come back to another node before the one where it was knows that its
// connection is gone. Then the session is not where all nodes can find it: so they are
// asked, and the one that has it ends the socket.

const (
	searchTime  = time.Second // how long the answers may take
	maxSearches = 1_000       // that this node has made, and wait for answers
)

// The first byte of a piece of mail about recovery, before the number of the search in
// eight bytes.
const (
	mailWhoHas = 'w' // then the namespace, a comma and the session's private id
	mailSaved  = 's' // the session can be restored now
	mailNobody = 'n' // it is not here
	searchHead = 1 + 8
)

// searches are what this node has asked the others.
type searches struct {
	cluster *cluster

	mu   sync.Mutex
	last uint64
	open map[uint64]*search
}

type search struct {
	missing map[string]struct{} // the nodes that have not answered
	over    chan struct{}       // closed when there is nothing to wait for
	isOver  bool
	found   bool // somebody had it
}

func (q *searches) start(c *cluster) {
	q.cluster, q.open = c, make(map[uint64]*search)
	c.mail.boxes[mailRecovery] = mailbox{take: q.take, left: q.left}
}

// search asks the other nodes for a session. It returns when the one that has it has
// saved it, which it reports, when nobody has it, or when it takes too long.
func (c *cluster) search(ctx context.Context, namespace, pid string) (found bool) {
	q := &c.searches
	number, one := q.begin(c.node.Nodes())
	if one == nil {
		return false
	}
	defer q.end(number)
	mail := append(newMail(mailRecovery, searchHead+len(namespace)+1+len(pid)), mailWhoHas)
	mail = binary.BigEndian.AppendUint64(mail, number)
	mail = append(append(append(mail, namespace...), ','), pid...)
	if c.post("", mail) != nil {
		return false
	}
	timer := time.NewTimer(searchTime)
	defer timer.Stop()
	select {
	case <-one.over:
	case <-timer.C:
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return one.found
}

// begin opens a search, unless there is nobody to ask or too much is asked already.
func (q *searches) begin(nodes []string) (number uint64, one *search) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(nodes) == 0 || len(q.open) >= maxSearches {
		return 0, nil
	}
	q.last++
	one = &search{missing: make(map[string]struct{}), over: make(chan struct{})}
	for _, node := range nodes {
		one.missing[node] = struct{}{}
	}
	q.open[q.last] = one
	return q.last, one
}

func (q *searches) end(number uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.open, number)
}

// take takes what other nodes ask and answer.
func (q *searches) take(from string, data []byte) {
	if len(data) < searchHead {
		q.cluster.server.ignoredMail.Add(1)
		return
	}
	number, rest := binary.BigEndian.Uint64(data[1:]), string(data[searchHead:])
	switch data[0] {
	case mailWhoHas:
		namespace, pid, ok := strings.Cut(rest, ",")
		if !ok {
			q.cluster.server.ignoredMail.Add(1)
			return
		}
		q.asked(from, number, namespace, pid)
	case mailSaved:
		q.answered(from, number, true)
	case mailNobody:
		q.answered(from, number, false)
	default:
		q.cluster.server.ignoredMail.Add(1)
	}
}

// asked answers another node, at once if this one does not have the session.
func (q *searches) asked(from string, number uint64, namespace, pid string) {
	n := q.cluster.server.namespace(namespace)
	if n == nil || n.shared == nil || !n.shared.has(pid) {
		q.reply(from, number, mailNobody)
		return
	}
	q.cluster.workers.add()
	go func() {
		defer q.cluster.workers.done()
		defer q.cluster.server.recovered("Config.Backplane")
		ctx, cancel := context.WithTimeout(q.cluster.ctx, searchTime)
		defer cancel()
		n.shared.evict(ctx, pid)
		q.reply(from, number, mailSaved) // or perhaps not, as will be seen
	}()
}

func (q *searches) reply(to string, number uint64, answer byte) {
	mail := append(newMail(mailRecovery, searchHead), answer)
	_ = q.cluster.post(to, binary.BigEndian.AppendUint64(mail, number)) // who hears nothing waits no longer than searchTime
}

func (q *searches) answered(from string, number uint64, saved bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one := q.open[number]
	if one == nil {
		return
	}
	if _, asked := one.missing[from]; !asked {
		return
	}
	delete(one.missing, from)
	one.conclude(saved)
}

// left takes a node that has left off those that are to answer.
func (q *searches) left(node string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range q.open {
		if _, asked := one.missing[node]; asked {
			delete(one.missing, node)
			one.conclude(false)
		}
	}
}

// conclude ends the search if somebody has had the session, or everybody has answered.
// It is called with searches.mu held.
func (i *search) conclude(saved bool) {
	if !i.isOver && (saved || len(i.missing) == 0) {
		i.isOver, i.found = true, saved
		close(i.over)
	}
}

// has reports whether this node has a session, or is about to save it.
func (l *sharedLog) has(pid string) bool {
	l.namespace.mu.Lock()
	defer l.namespace.mu.Unlock()
	return l.namespace.history.sessions[pid] != nil || l.leaving[pid] != nil
}
