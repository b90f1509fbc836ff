// Command bench measures Socket.IO servers side by side: Kawat on each of its hosts,
// Node's socket.io, and a bare loop. README.md says how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kawat-go/kawat/bench/internal/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "compare" {
		return compare(args[1:])
	}
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	if o.attach != "" {
		return attach(o)
	}
	return measure(ctx, o)
}

func compare(paths []string) error {
	if len(paths) != 2 {
		return errors.New("compare takes two result files: go run ./bench compare OLD.json NEW.json")
	}
	older, err := report.Read(paths[0])
	if err != nil {
		return err
	}
	newer, err := report.Read(paths[1])
	if err != nil {
		return err
	}
	return report.Compare(os.Stdout, older, newer)
}

// options are what the command line says.
type options struct {
	quick              bool
	servers, scenarios []string
	rounds             int
	connections        int
	warmup, window     time.Duration
	nap                time.Duration
	out                string

	attach string
	pid    int
	core   int
}

func (o *options) parse(args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	list := func(to *[]string, name, usage string) {
		flags.Func(name, usage+", with commas between them (default all)", func(s string) error {
			*to = strings.Split(s, ",")
			return nil
		})
	}
	flags.BoolVar(&o.quick, "quick", false, "fewer scenarios and rounds, and shorter ones: at most 4 minutes instead of 30")
	list(&o.servers, "servers", "only these servers")
	list(&o.scenarios, "scenarios", "only these scenarios")
	flags.IntVar(&o.rounds, "rounds", 0, "how many times each is measured (default 3, 2 with -quick)")
	flags.DurationVar(&o.window, "window", 0, "how long each is measured (default 2s, 1s with -quick)")
	flags.DurationVar(&o.warmup, "warmup", 0, "how long it is done before that (default 1s, 500ms with -quick)")
	flags.DurationVar(&o.nap, "nap", 0, "the generator's rest between reads, such as 100µs, but in paced scenarios")
	flags.IntVar(&o.connections, "connections", 0, "idle connections (default 5000, 2000 with -quick)")
	flags.StringVar(&o.out, "out", "bench/results", "folder for the results")
	flags.StringVar(&o.attach, "attach", "", "do not start servers, but measure the one that listens here, and only print")
	flags.IntVar(&o.pid, "pid", 0, "with -attach: its process")
	flags.IntVar(&o.core, "core", -1, "with -attach: keep the generator on this core")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not expected; see -h", flags.Arg(0))
	}
	o.defaults()
	return nil
}

func (o *options) defaults() {
	full := options{rounds: 3, window: 2 * time.Second, warmup: time.Second, connections: 5000}
	if o.quick {
		full = options{rounds: 2, window: time.Second, warmup: 500 * time.Millisecond, connections: 2000}
	}
	if o.rounds <= 0 {
		o.rounds = full.rounds
	}
	if o.window <= 0 {
		o.window = full.window
	}
	if o.warmup <= 0 {
		o.warmup = full.warmup
	}
	if o.connections <= 0 {
		o.connections = full.connections
	}
}
