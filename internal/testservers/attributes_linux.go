package testservers

import "syscall"

// serverAttributes lets a server run as somebody, and end with the test's process.
func serverAttributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
}
