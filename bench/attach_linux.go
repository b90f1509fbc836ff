package main

import (
	"fmt"

	"github.com/kawat-go/kawat/bench/internal/load"
	"github.com/kawat-go/kawat/bench/internal/scenario"
	"github.com/kawat-go/kawat/internal/process"
)

// attach measures a server that somebody else has started.
func attach(o options) error {
	addr, err := load.Resolve(o.attach)
	if err != nil {
		return err
	}
	server, err := process.Attach(o.pid)
	if err != nil {
		return err
	}
	scenarios, err := scenario.Find(o.scenarios...)
	if err != nil {
		return err
	}
	if _, err = process.RaiseFileLimit(); err != nil {
		return err
	}
	if o.core >= 0 {
		if err = process.PinSelf(o.core); err != nil {
			return err
		}
	}
	fmt.Println(figuresHead)
	for _, s := range scenarios {
		for range o.rounds {
			figures, err := s.Run(o.conditions(addr, server, false))
			for _, f := range figures {
				fmt.Println(figuresLine(f))
			}
			if err != nil {
				fmt.Printf("%-16s FAILED: %v\n", s.Name, err)
			}
		}
	}
	return nil
}
