package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Loop drives the clients of one scenario. Everything happens on the goroutine
// that calls [Loop.Run], which keeps its thread for itself from [New] to
// [Loop.Close].
type Loop struct {
	// Heartbeats counts the pings that were answered.
	Heartbeats int
	// Nap is how long the loop rests when it has handled what there was, so that more
	// comes together. On one machine it is the server that pays for waking whom it
	// writes to; a loop that is woken for each write costs both sides several
	// microseconds for it, which a client behind a network would not.
	Nap time.Duration

	host  string
	to    unix.SockaddrInet4
	epoll int
	timer int

	events [256]unix.EpollEvent
	in     []byte  // what a read brings, for all sockets
	socks  []*sock // by slot; nil: free
	free   []int32
	dirty  []*sock // have something to send
	arena  []byte  // output buffers are cut from this
	size   int     // of an output buffer

	start   time.Time
	now     int64
	tick    func(due time.Duration)
	due     int64
	every   int64
	stopped bool
	err     error
}

// readSize is what one read can bring, for all sockets together: the generator
// reads one after another.
const readSize = 256 << 10

// timerSlot marks the events of the timer.
const timerSlot = -1

// New makes a loop for clients of the server at addr, an IPv4 address with a port.
// What a client sends at once should fit into outSize bytes.
func New(addr string, outSize int) (*Loop, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil || !to.Addr().Is4() {
		return nil, fmt.Errorf("load: %q is not an IPv4 address with a port", addr)
	}
	l := &Loop{
		host:  addr,
		to:    unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()},
		in:    make([]byte, readSize),
		size:  outSize,
		start: time.Now(),
	}
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	if l.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		_ = unix.Close(l.epoll)
		return nil, fmt.Errorf("load: timerfd: %w", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: timerSlot}
	if err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.timer, &ev); err != nil {
		return nil, errors.Join(err, l.close())
	}
	runtime.LockOSThread()
	return l, nil
}

// Close closes all sockets, without a word to the server.
func (l *Loop) Close() error {
	for _, s := range l.socks {
		if s != nil {
			l.drop(s)
		}
	}
	runtime.UnlockOSThread()
	return l.close()
}

func (l *Loop) close() error { return errors.Join(unix.Close(l.timer), unix.Close(l.epoll)) }

// Now is the time since the loop was made.
func (l *Loop) Now() time.Duration { return time.Since(l.start) }

// Seen is [Loop.Now] when the data that is being handled was read.
func (l *Loop) Seen() time.Duration { return time.Duration(l.now) }

// Stop ends [Loop.Run] when what was read is handled.
func (l *Loop) Stop() { l.stopped = true }

// Fail ends [Loop.Run], and all that come after, with an error.
func (l *Loop) Fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// Every calls tick for each time that is due, in steps of interval from now on,
// with that time: late calls are not left out. A nil tick ends it.
func (l *Loop) Every(interval time.Duration, tick func(due time.Duration)) error {
	l.tick, l.every = tick, int64(interval)
	spec := unix.ItimerSpec{}
	if tick != nil {
		l.due = int64(l.Now()) + l.every
		spec.Interval = unix.NsecToTimespec(l.every)
		spec.Value = spec.Interval
	}
	return unix.TimerfdSettime(l.timer, 0, &spec, nil)
}

// Run handles what comes for d, or until [Loop.Stop]. It reports whether it was
// stopped.
func (l *Loop) Run(d time.Duration) (stopped bool, err error) {
	end := int64(l.Now() + d)
	l.stopped = false
	l.flush()
	for l.err == nil && !l.stopped {
		l.now = int64(l.Now())
		left := end - l.now
		if left <= 0 {
			return false, nil
		}
		n, err := unix.EpollWait(l.epoll, l.events[:], int(left/1e6)+1)
		if err != nil && err != unix.EINTR {
			return false, fmt.Errorf("load: epoll: %w", err)
		}
		for i := range max(n, 0) {
			l.handle(&l.events[i])
		}
		if l.Nap > 0 && n < len(l.events)/2 {
			nap := unix.NsecToTimespec(int64(l.Nap))
			_ = unix.Nanosleep(&nap, nil)
		}
	}
	return l.stopped, l.err
}

func (l *Loop) handle(ev *unix.EpollEvent) {
	if ev.Fd == timerSlot {
		l.fire()
		return
	}
	// A socket that was closed while this batch was handled may have a successor
	// in its slot.
	s := l.socks[ev.Fd]
	if s == nil || s.turn != ev.Pad {
		return
	}
	if ev.Events&unix.EPOLLOUT != 0 && s.waiting {
		if err := l.writable(s); err != nil {
			l.end(s, err)
			return
		}
	}
	if ev.Events&^unix.EPOLLOUT != 0 && !s.connecting {
		l.read(s, ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0)
	}
	l.flush()
}

func (l *Loop) fire() {
	var expired [8]byte
	_, _ = unix.Read(l.timer, expired[:])
	l.now = int64(l.Now())
	for l.tick != nil && l.due <= l.now {
		due := l.due
		l.due += l.every
		l.tick(time.Duration(due))
	}
	l.flush()
}

// Resolve makes an IPv4 address with a port of what a user wrote.
func Resolve(addr string) (string, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return "", err
	}
	return tcp.String(), nil
}
