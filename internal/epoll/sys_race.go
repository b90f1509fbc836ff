//go:build linux && !386 && race

package epoll

import "syscall"

// The race detector takes what was done before a write to be known to who has
// read it: to package syscall it listens.

func receive(fd int32, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return syscall.Read(int(fd), p) })
}

func send(fd int32, p []byte) (n int, errno syscall.Errno) {
	return retry(func() (int, error) { return syscall.Write(int(fd), p) })
}

func retry(call func() (int, error)) (n int, errno syscall.Errno) {
	for {
		n, err := call()
		if err == nil {
			return n, 0
		}
		if errno := err.(syscall.Errno); errno != syscall.EINTR {
			return 0, errno
		}
	}
}
