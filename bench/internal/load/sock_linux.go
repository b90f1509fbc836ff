package load

import (
	"errors"
	"fmt"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sock is a non-blocking connection. What arrives goes to its owner.
type sock struct {
	owner owner
	fd    int
	slot  int32
	turn  int32 // which of the sockets that had this slot it is

	rest       []byte // the beginning of what has not come in full
	out        []byte // what is to be sent
	queued     bool   // it is in the loop's list of those that have something to send
	waiting    bool   // until the kernel takes more
	connecting bool
}

type owner interface {
	// feed takes what it can of data, which is only valid until it returns.
	feed(s *sock, data []byte) (used int, err error)
	// ended is told that the connection is gone; io.EOF is an orderly end.
	ended(s *sock, err error)
}

var errReset = errors.New("load: the server closed the connection")

// open connects s, and sends what is in s.out when that is done.
func (l *Loop) open(s *sock, o owner) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("load: socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err = unix.Connect(fd, &l.to); err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return fmt.Errorf("load: connect: %w", err)
	}
	turn := s.turn + 1
	*s = sock{owner: o, fd: fd, turn: turn, rest: s.rest[:0], out: s.out, connecting: true, waiting: true}
	if n := len(l.free); n > 0 {
		s.slot, l.free = l.free[n-1], l.free[:n-1]
	} else {
		s.slot = int32(len(l.socks))
		l.socks = append(l.socks, nil)
	}
	l.socks[s.slot] = s
	if s.out == nil {
		s.out = l.buffer()
	}
	s.out = s.out[:0]
	// Edge-triggered: a socket is looked at once for each arrival, and all events
	// are asked for at once.
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: s.slot, Pad: turn}
	if err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		l.drop(s)
		return fmt.Errorf("load: epoll: %w", err)
	}
	return nil
}

// buffer cuts an output buffer from the arena.
func (l *Loop) buffer() []byte {
	if len(l.arena) < l.size {
		l.arena = make([]byte, 64*l.size)
	}
	b := l.arena[:0:l.size]
	l.arena = l.arena[l.size:]
	return b
}

// drop closes s, if it is open; its owner is not told.
func (l *Loop) drop(s *sock) {
	if s.owner == nil {
		return
	}
	_ = unix.Close(s.fd)
	l.socks[s.slot] = nil
	l.free = append(l.free, s.slot)
	s.owner = nil
}

// end closes s because of err, and tells its owner.
func (l *Loop) end(s *sock, err error) {
	if o := s.owner; o != nil {
		l.drop(s)
		o.ended(s, err)
	}
}

// writable goes on where the kernel took no more, or where the connection had not
// been made.
func (l *Loop) writable(s *sock) error {
	if s.connecting {
		code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = unix.Errno(code)
		}
		if err != nil {
			return fmt.Errorf("load: connect: %w", err)
		}
		s.connecting = false
	}
	s.waiting = false
	return l.write(s)
}

// send has what was added to s.out sent, when the event at hand is handled.
func (l *Loop) send(s *sock) {
	if !s.queued && !s.waiting {
		s.queued = true
		l.dirty = append(l.dirty, s)
	}
}

func (l *Loop) flush() {
	for done := 0; done < len(l.dirty); { // an end may bring more to send
		s := l.dirty[done]
		done++
		s.queued = false
		if s.owner == nil || s.waiting {
			continue
		}
		if err := l.write(s); err != nil {
			l.end(s, err)
		}
	}
	l.dirty = l.dirty[:0]
}

func (l *Loop) write(s *sock) error {
	if len(s.out) == 0 {
		return nil
	}
	n, errno := transfer(unix.SYS_SENDTO, s.fd, s.out, unix.MSG_NOSIGNAL)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		n = 0
	case errno != 0:
		return fmt.Errorf("load: write: %w", errno)
	}
	if n < len(s.out) {
		s.waiting = true // until epoll says that there is room
		s.out = s.out[:copy(s.out, s.out[n:])]
		return nil
	}
	s.out = s.out[:0]
	return nil
}

// read takes all that has arrived on s. last tells that the end has, too: epoll has
// said so, and does not say it again.
func (l *Loop) read(s *sock, last bool) {
	for s.owner != nil {
		kept := copy(l.in, s.rest)
		n, errno := transfer(unix.SYS_RECVFROM, s.fd, l.in[kept:], 0)
		switch {
		case errno == unix.EAGAIN || errno == unix.EINTR:
			return
		case errno == unix.ECONNRESET || errno == unix.EPIPE:
			l.end(s, errReset)
			return
		case errno != 0:
			l.end(s, fmt.Errorf("load: read: %w", errno))
			return
		case n == 0:
			l.end(s, io.EOF)
			return
		}
		l.now = int64(l.Now())
		data := l.in[:kept+n]
		used, err := s.owner.feed(s, data)
		if err != nil {
			l.end(s, err)
			return
		}
		if s.owner == nil {
			return
		}
		s.rest = append(s.rest[:0], data[used:]...)
		if n < len(l.in)-kept && !last {
			return // short: there is no more, and epoll tells when there is
		}
	}
}

// transfer is a system call that does not wait, so the scheduler need not know.
func transfer(call uintptr, fd int, b []byte, flags uintptr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	return int(n), errno
}
