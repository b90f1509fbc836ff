//go:build linux && !386

package epoll

import (
	"os"
	"syscall"
	"unsafe"
)

// watch registers c, or changes what it is registered for. There is an event at
// once for what is the case already.
func watch(epfd, op int, c *Conn, events uint32) error {
	e := syscall.EpollEvent{Events: events, Fd: c.fd, Pad: int32(c.gen)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(epfd, op, int(c.fd), &e))
}

// ready asks for events, without waiting, and returns their number.
func ready(epfd int, events []syscall.EpollEvent) int {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd),
			uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0) //nolint:gosec // as package syscall does it
		switch errno {
		case 0:
			return int(n)
		case syscall.EINTR:
		default:
			return 0 // the descriptor is closed
		}
	}
}

// duplicate returns another descriptor for the same connection.
func duplicate(fd uintptr) (int32, error) {
	n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int32(n), nil
}

// untaken returns how many bytes the peer has not acknowledged.
func untaken(fd int32) (n int, ok bool) {
	var waiting int32
	_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCOUTQ,
		uintptr(unsafe.Pointer(&waiting))) //nolint:gosec // as package syscall does it
	return int(waiting), errno == 0
}
