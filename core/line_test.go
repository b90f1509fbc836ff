package socketio_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A lines is a durable backplane whose nodes are far away from it, each as far as its
// line says, and can be cut off.
type lines struct {
	backplane.Backplane
	mu    sync.Mutex
	r     *rand.Rand // nil for lines that take no time
	all   []*line
	asked atomic.Int64 // for sessions
	// saving, if it is set, is called before a session is saved, and may fail instead.
	saving func(s backplane.Session) error
}

func durableLines(r *rand.Rand) *lines {
	return &lines{Backplane: backplane.NewDurableMemory(), r: r}
}

// Join makes a node and its line.
func (ls *lines) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	l := &line{lines: ls, host: host, heads: make(map[string]backplane.Offset), wake: make(chan struct{}, 1), stop: make(chan struct{}), idle: make(chan struct{})}
	far := host
	far.Receive = func(m backplane.Message) { l.push(due{at: time.Now().Add(l.far), do: func() { l.receive(m) }}) }
	far.Relay = func(from string, data []byte) {
		l.push(due{at: time.Now().Add(l.far), do: func() { host.Relay(from, data) }})
	}
	n, err := ls.Backplane.Join(ctx, far)
	if err != nil {
		return nil, err
	}
	l.Durable = n.(backplane.Durable)
	ls.mu.Lock()
	if ls.r != nil {
		l.far = time.Duration(ls.r.IntN(40)) * time.Millisecond
	}
	ls.all = append(ls.all, l)
	ls.mu.Unlock()
	go l.work()
	return l, nil
}

// away is how long something takes on its way.
func (ls *lines) away() time.Duration {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.r == nil {
		return 0
	}
	return time.Duration(ls.r.IntN(60)) * time.Millisecond
}

var errCut = errors.New("the line is cut")

// A line is one node's.
type line struct {
	backplane.Durable
	lines *lines
	host  backplane.Host
	far   time.Duration
	wake  chan struct{}
	stop  chan struct{}
	idle  chan struct{} // closed when nothing is handed over any more

	mu    sync.Mutex
	cut   bool
	ended bool
	queue []due
	heads map[string]backplane.Offset
}

// A due is something that reaches the host at some time.
type due struct {
	at    time.Time
	local bool // it does not come over the line
	do    func()
}

func (l *line) push(d due) {
	l.mu.Lock()
	l.queue = append(l.queue, d)
	l.mu.Unlock()
	l.wakeUp()
}

func (l *line) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// work gives the host what has come, in order. What has not come over a line that is
// cut waits for it to be mended.
func (l *line) work() {
	defer close(l.idle)
	for {
		select {
		case <-l.wake:
		case <-l.stop:
			return
		}
		for d := l.next(); d != nil; d = l.next() {
			time.Sleep(time.Until(d.at))
			d.do()
		}
	}
}

func (l *line) next() *due {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, d := range l.queue {
		if d.local || !l.cut {
			l.queue = append(l.queue[:i:i], l.queue[i+1:]...)
			return &d
		}
	}
	return nil
}

func (l *line) receive(m backplane.Message) {
	l.host.Receive(m)
	if !m.Offset.IsZero() {
		l.mu.Lock()
		l.heads[m.Namespace] = m.Offset
		l.mu.Unlock()
	}
}

func (l *line) Open(namespace string) {
	l.Durable.Open(namespace)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heads[namespace] = l.Durable.Head(namespace)
}

func (l *line) Head(namespace string) backplane.Offset {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heads[namespace]
}

// Publish gives a message back at once, and to nobody else, while the line is cut.
func (l *line) Publish(m backplane.Message) error {
	if !l.isCut() {
		return l.Durable.Publish(m)
	}
	if m.Echo {
		m.From = l.ID()
		l.push(due{at: time.Now(), local: true, do: func() { l.host.Receive(m) }})
	}
	return nil
}

func (l *line) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

func (l *line) set(cut bool) {
	l.mu.Lock()
	l.cut = cut
	l.mu.Unlock()
	l.wakeUp()
}

func (l *line) SaveSession(ctx context.Context, s backplane.Session, lasts time.Duration) error {
	if f := l.lines.saving; f != nil {
		if err := f(s); err != nil {
			return err
		}
	}
	if l.isCut() {
		return errCut
	}
	time.Sleep(l.lines.away())
	err := l.Durable.SaveSession(ctx, s, lasts)
	time.Sleep(l.lines.away())
	return err
}

func (l *line) RestoreSession(ctx context.Context, namespace, pid string, seen backplane.Offset) (backplane.Session, []backplane.Message, error) {
	l.lines.asked.Add(1)
	if l.isCut() {
		return backplane.Session{}, nil, errCut
	}
	time.Sleep(l.lines.away())
	s, missed, err := l.Durable.RestoreSession(ctx, namespace, pid, seen)
	time.Sleep(l.lines.away())
	return s, missed, err
}

func (l *line) Close() error {
	err := l.Durable.Close()
	l.mu.Lock()
	if l.queue = nil; !l.ended {
		l.ended = true
		close(l.stop)
	}
	l.mu.Unlock()
	<-l.idle
	return err
}

// of returns the line of the node that joined as number i.
func (ls *lines) of(t *testing.T, i int) *line {
	t.Helper()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.all[i]
}
