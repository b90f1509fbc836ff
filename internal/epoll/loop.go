//go:build linux && !386

package epoll

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// A loop watches connections with an epoll descriptor, which exists while there
// are any.
type loop struct {
	crew crew

	mu    sync.Mutex
	file  *os.File // the descriptor, in Go's poller
	fd    int      // the same
	conns []*Conn  // by descriptor
	count int
	gen   uint32
}

const (
	edge     = 1 << 31 // EPOLLET, which is negative in package syscall on some processors
	ends     = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	arrivals = syscall.EPOLLIN | ends
	room     = syscall.EPOLLOUT | syscall.EPOLLHUP | syscall.EPOLLERR
)

// add begins to watch c.
func (l *loop) add(c *Conn) error {
	l.mu.Lock()
	if l.count == 0 {
		if err := l.open(); err != nil {
			l.mu.Unlock()
			return err
		}
	}
	l.gen++
	c.gen = l.gen
	if more := int(c.fd) + 1 - len(l.conns); more > 0 {
		l.conns = append(l.conns, make([]*Conn, more)...)
	}
	l.conns[c.fd] = c
	l.count++
	err := watch(l.fd, syscall.EPOLL_CTL_ADD, c, syscall.EPOLLIN|syscall.EPOLLRDHUP|edge)
	var file *os.File
	if err != nil {
		file = l.forget(c)
	}
	l.mu.Unlock()
	shut(file)
	return err
}

// remove ends what add began, and every wait for c.
func (l *loop) remove(c *Conn) {
	l.mu.Lock()
	l.wakeLocked(c, readers|writers)
	file := l.forget(c)
	l.mu.Unlock()
	shut(file)
}

// forget takes c out. Behind the last connection it returns the file for shut.
func (l *loop) forget(c *Conn) *os.File {
	if l.conns[c.fd] == c { // else the descriptor is another's already
		l.conns[c.fd] = nil
	}
	if l.count--; l.count > 0 {
		return nil
	}
	file := l.file
	l.file, l.fd, l.conns = nil, -1, nil
	return file
}

// shut ends run. It waits until run has let go of the descriptor, for which run
// may need the lock.
func shut(file *os.File) {
	if file != nil {
		_ = file.Close()
	}
}

// open makes the descriptor and starts its goroutine.
func (l *loop) open() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err = syscall.SetNonblock(fd, true); err != nil { // tells os that it can be waited for
		_ = syscall.Close(fd)
		return os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails if it is not in Go's poller
	}
	if err != nil {
		shut(file)
		return err
	}
	l.file, l.fd = file, fd
	go l.run(raw)
	return nil
}

// run hands out the connections that are ready until the file is closed. It asks
// once for each time that it is woken, unless there was more than it had room for.
// That loses nothing: it waits for an edge, and every event of a connection makes
// a new one after it has been added to those that the next question finds.
func (l *loop) run(raw syscall.RawConn) {
	events := make([]syscall.EpollEvent, 128)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n := ready(int(fd), events)
			if n > 0 {
				l.handOut(events[:n])
			}
			if n < len(events) {
				return false
			}
		}
	})
}

// handOut wakes those whom the events are for.
func (l *loop) handOut(events []syscall.EpollEvent) {
	var ready queue
	l.mu.Lock()
	for i := range events {
		e := &events[i]
		c := l.lookUp(e)
		if c == nil {
			continue
		}
		var who uint32
		if e.Events&room != 0 {
			who = writers
		}
		if e.Events&arrivals != 0 {
			who |= readers
			if c.arrived(e.Events&ends != 0) {
				ready.push(c)
			}
		}
		if c.state.Load()&who != 0 {
			l.wakeLocked(c, who)
		}
	}
	l.mu.Unlock()
	l.crew.add(ready)
}

// lookUp returns the connection that the event is for, or nil if it has been
// closed since.
func (l *loop) lookUp(e *syscall.EpollEvent) *Conn {
	if int(e.Fd) >= len(l.conns) {
		return nil
	}
	if c := l.conns[e.Fd]; c != nil && c.gen == uint32(e.Pad) {
		return c
	}
	return nil
}

// await returns a channel that is closed at the next occasion to read or write,
// or change of the deadline, or when the connection is closed, whichever is first.
func (l *loop) await(c *Conn, who uint32) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.waits == nil {
		c.waits = new(waits)
	}
	woken := c.waits.of(who)
	if *woken == nil {
		*woken = make(chan struct{})
		c.state.Or(who)
	}
	return *woken
}

// wake wakes those who wait in Read or Write, or both.
func (l *loop) wake(c *Conn, who uint32) {
	l.mu.Lock()
	l.wakeLocked(c, who)
	l.mu.Unlock()
}

func (l *loop) wakeLocked(c *Conn, who uint32) {
	for _, bit := range [...]uint32{readers, writers} {
		if who&c.state.Load()&bit != 0 {
			woken := c.waits.of(bit)
			close(*woken)
			*woken = nil
			c.state.And(^bit)
		}
	}
}

// watchWrites makes room in a full connection an event, as it is for few. The
// caller has entered, so that the descriptor is its own.
func (l *loop) watchWrites(c *Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.state.Load()&(closed|roomy) != 0 {
		return nil
	}
	c.state.Or(roomy)
	return watch(l.fd, syscall.EPOLL_CTL_MOD, c, syscall.EPOLLIN|syscall.EPOLLRDHUP|syscall.EPOLLOUT|edge)
}
