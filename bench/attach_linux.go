package main

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
	"github.com/kawat-go/kawat/bench/internal/process"
	"github.com/kawat-go/kawat/bench/internal/scenario"
)

func run(args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	attach := flags.String("attach", "", "measure the server that listens here")
	pid := flags.Int("pid", 0, "with -attach: its process")
	names := flags.String("scenarios", "", "only these, with commas")
	seconds := flags.Float64("seconds", 3, "with -attach: how long each is measured")
	warmup := flags.Float64("warmup", 1, "with -attach: how long before that it is done")
	rounds := flags.Int("rounds", 1, "how many times each is measured")
	connections := flags.Int("connections", 2000, "with -attach: of the scenarios idle and heartbeat")
	core := flags.Int("core", -1, "with -attach: pin the generator to this core")
	if err := flags.Parse(args); err != nil {
		return err
	}
	addr, err := load.Resolve(*attach)
	if err != nil {
		return err
	}
	p, err := process.Attach(*pid)
	if err != nil {
		return err
	}
	all, err := scenario.Find(strings.Split(*names, ",")...)
	if err != nil {
		return err
	}
	if _, err := process.RaiseFileLimit(); err != nil {
		return err
	}
	if *core >= 0 {
		if err := process.PinSelf(*core); err != nil {
			return err
		}
	}
	fmt.Printf("%-15s %10s %8s %8s %9s %9s %8s %8s %8s %8s\n", "scenario", "ops/s", "cpu us", "user", "sys", "load us", "p50 us", "p99 us", "p99.9 us", "RSS MB")
	for _, s := range all {
		for range *rounds {
			figures, err := s.Run(scenario.Conditions{
				Addr: addr, Server: p,
				Warmup: time.Duration(*warmup * 1e9), Window: time.Duration(*seconds * 1e9),
				Connections: *connections, Settle: 5 * time.Second,
			})
			for _, f := range figures {
				n := float64(f.Ops)
				us := func(d time.Duration) float64 { return float64(d) / 1e3 }
				fmt.Printf("%-15s %10.0f %8.3f %8.3f %9.3f %9.3f %8.0f %8.0f %8.0f %8.1f", f.Part, n/f.Elapsed.Seconds(), us(f.CPU.Total())/n,
					us(f.CPU.User)/n, us(f.CPU.Sys)/n, us(f.LoadCPU.Total())/n, us(f.P50), us(f.P99), us(f.P999), float64(f.RSS)/1e6)
				if f.PerConn != 0 {
					fmt.Printf("  %.0f bytes a connection", f.PerConn)
				}
				fmt.Println()
			}
			if err != nil {
				fmt.Printf("%-15s FAILED: %v\n", s.Name, err)
			}
		}
	}
	return nil
}
