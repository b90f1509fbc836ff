//go:build unix && !linux

package testservers

import "syscall"

// serverAttributes lets a server run as somebody.
func serverAttributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as}
}
