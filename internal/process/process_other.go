//go:build !linux

package process

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }

// CPU returns [ErrUnsupported].
func (p *Process) CPU() (CPU, error) { return CPU{}, ErrUnsupported }

// Memory returns [ErrUnsupported].
func (p *Process) Memory() (Memory, error) { return Memory{}, ErrUnsupported }

// Cores returns [ErrUnsupported].
func Cores() ([]int, error) { return nil, ErrUnsupported }

// pinThread does nothing where nothing was asked for.
func pinThread(cores []int) error {
	if cores == nil {
		return nil
	}
	return ErrUnsupported
}

// PinSelf returns [ErrUnsupported].
func PinSelf(...int) error { return ErrUnsupported }

// RaiseFileLimit returns [ErrUnsupported].
func RaiseFileLimit() (int, error) { return 0, ErrUnsupported }
