package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kawat-go/kawat/bench/internal/peers"
	"github.com/kawat-go/kawat/bench/internal/report"
	"github.com/kawat-go/kawat/bench/internal/scenario"
	"github.com/kawat-go/kawat/internal/process"
)

const (
	fullLimit  = 29 * time.Minute
	quickLimit = 3*time.Minute + 40*time.Second
	// spareFiles are those that are not connections.
	spareFiles = 100
	settle     = 5 * time.Second
	settleMore = 30 * time.Second
)

// unpinned are the scenarios that are measured once more with all cores for both.
var unpinned = map[string]bool{"echo-1": true, "echo-8": true, "echo-paced": true, "broadcast-1000": true}

// quick are those of the quick run; once are those that it measures in the first
// round only, because they take long or vary little.
var (
	quick = []string{"idle", "echo-1", "echo-8", "echo-paced", "binary-8", "broadcast-1000", "broadcast-paced", "burst-10", "polling-echo"}
	once  = map[string]bool{"idle": true, "echo-paced": true, "broadcast-paced": true}
)

// A bench is a run of everything that was asked for.
type bench struct {
	options
	root, bin string
	peers     []peers.Peer
	scenarios []scenario.Scenario
	cores     []int // the server's and the generator's; nil: no pinning
	deadline  time.Time
	file      *report.File
	left      int // measurements for which there was no time
}

func measure(ctx context.Context, o options) error {
	b, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%-9s %-8s %s\n", b.file.Machine, "", "", figuresHead)
	err = b.all(ctx)
	if b.left > 0 {
		fmt.Printf("\nThere was no time for %d measurements.\n", b.left)
	}
	fmt.Println()
	err = errors.Join(err, b.file.Brief(os.Stdout))
	paths, writing := b.file.Write(b.out)
	for _, path := range paths {
		fmt.Println(path)
	}
	return errors.Join(err, writing)
}

// prepare builds what is to be measured.
func prepare(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, deadline: time.Now().Add(fullLimit)}
	names := o.scenarios
	if o.quick {
		b.deadline = time.Now().Add(quickLimit)
		if len(names) == 0 {
			names = quick
		}
	}
	var err error
	if b.scenarios, err = scenario.Find(names...); err != nil {
		return nil, err
	}
	if b.peers, err = peers.Find(o.servers...); err != nil {
		return nil, err
	}
	if b.root, err = peers.Root(); err != nil {
		return nil, err
	}
	limit, err := process.RaiseFileLimit()
	if err != nil {
		return nil, err
	}
	b.connections = min(b.connections, limit-spareFiles)
	b.bin = filepath.Join(b.root, "bench", ".bin")
	if err = peers.Build(ctx, b.root, b.bin, b.peers, os.Stderr); err != nil {
		return nil, err
	}
	cores, err := process.Cores()
	if err != nil {
		return nil, err
	}
	if b.cores = apart(cores, siblings); b.cores == nil {
		fmt.Println("There is one core only, so server and generator share it, and nothing is pinned.")
	}
	b.file = &report.File{
		Version: report.Version, Date: time.Now(), Quick: o.quick,
		Machine: report.ThisMachine(ctx), Commit: report.Commit(ctx, b.root),
	}
	for _, s := range b.scenarios {
		b.file.Scenarios = append(b.file.Scenarios, s.Parts...)
	}
	return b, nil
}

// all measures round by round, so that whatever changes on the machine meanwhile
// meets all alike, and a run that is cut short has something of everything.
func (b *bench) all(ctx context.Context) error {
	if b.cores != nil {
		if err := process.PinSelf(b.cores[1]); err != nil {
			return err
		}
	}
	for round := 1; round <= b.rounds; round++ {
		for i, s := range b.scenarios {
			if len(b.options.scenarios) == 0 && round > 1 && (b.quick && once[s.Name] || s.Bus != "") {
				continue // there would be no time
			}
			b.turn(ctx, s, round, i, b.cores)
		}
	}
	if b.cores == nil || b.quick {
		return interrupted(ctx)
	}
	cores, err := process.Cores()
	if err == nil {
		err = process.PinSelf(cores...)
	}
	if err != nil {
		return err
	}
	for round := 1; round <= b.rounds; round++ {
		for i, s := range b.scenarios {
			if unpinned[s.Name] {
				b.turn(ctx, s, round, i, nil)
			}
		}
	}
	return interrupted(ctx)
}

func interrupted(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("interrupted: not everything was measured")
	}
	return nil
}

// turn measures each server once. Who is first changes.
func (b *bench) turn(ctx context.Context, s scenario.Scenario, round, shift int, cores []int) {
	for i := range b.peers {
		p := b.peers[(i+round+shift)%len(b.peers)]
		if s.Polling && !p.Polling || s.Bus != "" && !slices.Contains(p.Buses, s.Bus) || ctx.Err() != nil {
			continue
		}
		if time.Now().After(b.deadline) {
			b.left++
			continue
		}
		figures, err := b.one(ctx, s, p, round, cores)
		mode := "pinned"
		if cores == nil {
			mode = "unpinned"
		}
		for _, f := range figures {
			f.Round.Round = round
			b.file.Add(p.Name, cores != nil, f.Part, f.Round)
			fmt.Printf("%-9s %-8s %s\n", mode, p.Name, figuresLine(f))
		}
		if err != nil && ctx.Err() == nil {
			b.file.Fail(p.Name, cores != nil, s.Parts[0].Name, round, err)
			fmt.Printf("%-9s %-8s %-16s FAILED: %v\n", mode, p.Name, s.Name, err)
		}
	}
}

// one starts a server, measures it, and stops it.
func (b *bench) one(ctx context.Context, s scenario.Scenario, p peers.Peer, round int, cores []int) ([]scenario.Figures, error) {
	spec := p.Spec(b.root, b.bin, s.Args...)
	if s.Bus != "" {
		url, stop, err := startBus(ctx, s.Bus, b.bin)
		if err != nil {
			return nil, err
		}
		defer stop()
		spec = p.Linked(b.root, b.bin, s.Bus, url, s.Args...)
	}
	if cores != nil {
		spec.Cores = cores[:1]
	}
	server, err := process.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	// Memory is read once more after a longer time, but not in each round.
	figures, err := s.Run(b.conditions(server.Addr(), server, round == 1 && !b.quick))
	return figures, errors.Join(err, server.Stop())
}

func (o *options) conditions(addr string, server scenario.Meter, later bool) scenario.Conditions {
	c := scenario.Conditions{
		Addr: addr, Server: server, Warmup: o.warmup, Window: o.window, Nap: o.nap,
		Connections: o.connections, Settle: settle,
	}
	if later {
		c.SettleLater = settleMore
	}
	return c
}

const figuresHead = "scenario            ops/s   CPU us     user   system  generator   p50 us   p99 us p99.9 us   RSS MB"

func figuresLine(f scenario.Figures) string {
	if f.PerConnBytes != 0 {
		line := fmt.Sprintf("%-16s %.1f KB a connection", f.Part, f.PerConnBytes/1024)
		if f.PerConnLaterBytes != 0 {
			line += fmt.Sprintf(", %.1f later", f.PerConnLaterBytes/1024)
		}
		return line
	}
	return fmt.Sprintf("%-16s %8.0f %8.2f %8.2f %8.2f   %8.2f %8.0f %8.0f %8.0f %8.1f", f.Part, f.OpsPerSec, f.CPUUs,
		f.CPUUserUs, f.CPUSysUs, f.LoadCPUUs, f.P50Us, f.P99Us, f.P999Us, float64(f.RSSBytes)/(1<<20))
}
