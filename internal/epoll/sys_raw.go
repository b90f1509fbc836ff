//go:build linux && !386 && !race

package epoll

import (
	"syscall"
	"unsafe"
)

// The system calls that move bytes never wait, and are the most frequent ones. So
// the scheduler is not told of them: see BenchmarkEcho for what that saves.

const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL

// receive reads. n is 0 if there is an error, or at the end.
func receive(fd int32, p []byte) (n int, errno syscall.Errno) {
	return move(syscall.SYS_RECVFROM, fd, p)
}

// send writes. n is 0 if there is an error.
func send(fd int32, p []byte) (n int, errno syscall.Errno) { return move(syscall.SYS_SENDTO, fd, p) }

func move(call uintptr, fd int32, p []byte) (n int, errno syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(call, uintptr(fd),
			uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags, 0, 0) //nolint:gosec // as package syscall does it
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
