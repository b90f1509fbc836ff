//go:build !linux

package main

import (
	"context"
	"errors"
)

var errLinux = errors.New("servers can be measured on Linux only; compare works everywhere")

func measure(context.Context, options) error { return errLinux }

func attach(options) error { return errLinux }
