package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
	"github.com/kawat-go/kawat/bench/internal/report"
	"github.com/kawat-go/kawat/internal/process"
)

// A Scenario is one thing that is measured. Each run wants a server of its own.
type Scenario struct {
	Name string
	// Args are what the server is to be started with.
	Args []string
	// Polling tells that the server must speak long-polling.
	Polling bool
	// Bus is what links the two servers that are wanted; none for a single server.
	Bus string
	// Parts are what comes of it: one part of the scenario's own name, mostly.
	Parts []report.Scenario

	run func(*stage) error
}

// Conditions are what a run is given.
type Conditions struct {
	Addr   string // of the server
	Server Meter
	// Warmup goes before Window, which is what is measured.
	Warmup, Window time.Duration
	// Nap is the generator's rest where calls are made as fast as answers come. It
	// should be so short that the server has work meanwhile.
	Nap time.Duration
	// Connections is how many connections idle has.
	Connections int
	// Settle is when their memory is read, after they have connected; SettleLater
	// when it is read once more, 0 for not at all.
	Settle, SettleLater time.Duration
}

// A Meter tells what a server has cost so far.
type Meter interface {
	CPU() (process.CPU, error)
	Memory() (process.Memory, error)
}

// Figures are what came of a part. The round's number is the caller's to add.
type Figures struct {
	Part string
	report.Round
}

// Run runs the scenario once.
func (s Scenario) Run(c Conditions) ([]Figures, error) {
	st := &stage{Conditions: c, part: s.Parts[0].Name, patience: answerTimeout}
	return st.play(s.run)
}

// play runs what a scenario does, and lets its clients go.
func (s *stage) play(run func(*stage) error) ([]Figures, error) {
	err := run(s)
	if s.loop != nil {
		if closed := s.loop.Close(); err == nil {
			err = closed
		}
	}
	return s.figures, err
}

// Find returns the scenarios of these names, in the order of [All]; all if there is
// no name. The name of a part stands for its scenario.
func Find(names ...string) ([]Scenario, error) {
	var found []Scenario
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var known []string
	for _, s := range All() {
		known = append(known, s.Name)
		hit := wanted[s.Name]
		delete(wanted, s.Name)
		for _, p := range s.Parts {
			hit = hit || wanted[p.Name]
			delete(wanted, p.Name)
		}
		if hit || len(names) == 0 {
			found = append(found, s)
		}
	}
	if len(wanted) > 0 {
		unknown := slices.Sorted(maps.Keys(wanted))
		return nil, fmt.Errorf("no scenario %s; there are %s", strings.Join(unknown, ", "), strings.Join(known, ", "))
	}
	return found, nil
}

// A stage is what a run has while it goes on.
type stage struct {
	Conditions
	loop     *load.Loop
	latency  load.Histogram
	ops      int64
	ending   bool          // nothing new is to be sent
	patience time.Duration // for what must come
	part     string
	figures  []Figures
}

// answerTimeout is how long a run waits for what a server owes it.
const answerTimeout = 30 * time.Second

// await handles what comes until done says that it is enough.
func (s *stage) await(what string, done func() bool) error {
	for deadline := s.loop.Now() + s.patience; !done(); {
		if _, err := s.loop.Run(time.Millisecond); err != nil {
			return err
		}
		if s.loop.Now() > deadline {
			return fmt.Errorf("after %v, %s", s.patience, what)
		}
	}
	return nil
}

// measure lets what has been started go on, and measures it after the warm-up. Then
// it waits until nothing is on its way any more.
func (s *stage) measure(rest func() (left int64)) error {
	if _, err := s.loop.Run(s.Warmup); err != nil {
		return err
	}
	s.ops = 0
	s.latency.Reset()
	w, err := s.begin()
	if err != nil {
		return err
	}
	if _, err := s.loop.Run(s.Window); err != nil {
		return err
	}
	f, err := w.end(s.ops)
	if err != nil {
		return err
	}
	f.P50Us, f.P99Us, f.P999Us = s.quantile(0.5), s.quantile(0.99), s.quantile(0.999)
	s.ending = true
	if err := s.await("answers are missing", func() bool { return rest() <= 0 }); err != nil {
		return fmt.Errorf("%w: %d", err, rest())
	}
	if f.Ops == 0 {
		return fmt.Errorf("nothing was done in %v", s.Window)
	}
	s.figures = append(s.figures, f)
	return nil
}

func (s *stage) quantile(q float64) float64 {
	return float64(s.latency.Quantile(q)) / float64(time.Microsecond)
}

// A window is a time in which costs are counted.
type window struct {
	s     *stage
	start time.Duration
	cpu   process.CPU
	load  process.CPU
}

func (s *stage) begin() (w window, err error) {
	w.s = s
	if w.cpu, err = s.Server.CPU(); err != nil {
		return w, err
	}
	w.load, err = ownCPU()
	w.start = s.loop.Now()
	return w, err
}

func (w window) end(ops int64) (Figures, error) {
	elapsed := w.s.loop.Now() - w.start
	cpu, err := w.s.Server.CPU()
	if err != nil {
		return Figures{}, err
	}
	own, err := ownCPU()
	if err != nil {
		return Figures{}, err
	}
	memory, err := w.s.Server.Memory()
	f := Figures{Part: w.s.part, Round: report.Measured(0, ops, elapsed, cpu.Sub(w.cpu))}
	f.LoadCPUUs = report.Measured(0, ops, elapsed, own.Sub(w.load)).CPUUs
	f.RSSBytes = memory.RSS
	return f, err
}
