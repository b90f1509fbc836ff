// Package report keeps the results of a run, and writes them: as JSON, as tables in
// Markdown, as a plot, and beside those of another run.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/kawat-go/kawat/internal/process"
)

// Version is that of the file's format.
const Version = 1

// A File is what a run has measured.
type File struct {
	Version int       `json:"version"`
	Date    time.Time `json:"date"`
	Machine Machine   `json:"machine"`
	// Commit is that of the house, with a "+" if files had been changed.
	Commit string `json:"commit"`
	Quick  bool   `json:"quick"`
	// Scenarios are in the order of the report.
	Scenarios []Scenario `json:"scenarios"`
	Results   []*Result  `json:"results"`
}

// A Scenario says what was measured.
type Scenario struct {
	Name string `json:"name"`
	// Family is the heading of the table that it is in.
	Family string `json:"family"`
	// Op is what one operation is, such as "echo" or "delivery".
	Op string `json:"op"`
	// Text describes it in a line.
	Text string `json:"text"`
}

// A Result is that of one server in one scenario.
type Result struct {
	Scenario string `json:"scenario"`
	Server   string `json:"server"`
	// Pinned is whether the server had a core to itself, and the generator another.
	Pinned   bool     `json:"pinned"`
	Failures []string `json:"failures,omitempty"`
	Rounds   []Round  `json:"rounds"`
}

// A Round is one measurement. What is zero was not measured.
type Round struct {
	// Round counts from 1. Servers are compared within a round.
	Round   int     `json:"round"`
	Ops     int64   `json:"ops"`
	Seconds float64 `json:"seconds"`

	// CPUUs is what the server's process has spent on an operation, in microseconds.
	CPUUs     float64 `json:"cpuUs,omitempty"`
	CPUUserUs float64 `json:"cpuUserUs,omitempty"`
	CPUSysUs  float64 `json:"cpuSysUs,omitempty"`
	OpsPerSec float64 `json:"opsPerSec,omitempty"`

	// P50Us and the next two are latencies, in microseconds.
	P50Us  float64 `json:"p50us,omitempty"`
	P99Us  float64 `json:"p99us,omitempty"`
	P999Us float64 `json:"p999us,omitempty"`

	// RSSBytes is the server's resident memory at the end.
	RSSBytes int64 `json:"rssBytes,omitempty"`
	// PerConnBytes is what of it one connection has, and PerConnLaterBytes is the
	// same after a longer quiet time.
	PerConnBytes      float64 `json:"perConnBytes,omitempty"`
	PerConnLaterBytes float64 `json:"perConnLaterBytes,omitempty"`

	// LoadCPUUs is what the generator itself has spent on an operation.
	LoadCPUUs float64 `json:"loadCpuUs,omitempty"`
}

// Measured returns the round in which a server did so many operations.
func Measured(round int, ops int64, window time.Duration, cpu process.CPU) Round {
	r := Round{Round: round, Ops: ops, Seconds: window.Seconds()}
	if ops > 0 {
		perOp := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(ops) }
		r.CPUUs, r.CPUUserUs, r.CPUSysUs = perOp(cpu.Total()), perOp(cpu.User), perOp(cpu.Sys)
		r.OpsPerSec = float64(ops) / window.Seconds()
	}
	return r
}

// result finds or makes the result of a server.
func (f *File) result(server string, pinned bool, scenario string) *Result {
	if r := f.find(server, pinned, scenario); r != nil {
		return r
	}
	r := &Result{Scenario: scenario, Server: server, Pinned: pinned, Rounds: []Round{}}
	f.Results = append(f.Results, r)
	return r
}

// find returns the result of a server, or nil.
func (f *File) find(server string, pinned bool, scenario string) *Result {
	for _, r := range f.Results {
		if r.Server == server && r.Pinned == pinned && r.Scenario == scenario {
			return r
		}
	}
	return nil
}

// Add adds a round to the result of a server.
func (f *File) Add(server string, pinned bool, scenario string, round Round) {
	r := f.result(server, pinned, scenario)
	r.Rounds = append(r.Rounds, round)
}

// Fail says that a round gave no figures.
func (f *File) Fail(server string, pinned bool, scenario string, round int, err error) {
	r := f.result(server, pinned, scenario)
	r.Failures = append(r.Failures, fmt.Sprintf("round %d: %v", round, err))
}

// name is that of the files, without what says their kind.
func (f *File) name() string {
	name := f.Date.Format("2006-01-02-150405")
	if f.Commit != "" {
		name += "-" + f.Commit
	}
	if f.Quick {
		name += "-quick"
	}
	return name
}

// Write writes the results into a folder: a .json, a .md and a .svg. It returns
// their paths.
func (f *File) Write(dir string) (paths []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	for _, kind := range []struct {
		extension string
		write     func(io.Writer) error
	}{{".json", f.json}, {".md", f.Markdown}, {".svg", f.SVG}} {
		var b bytes.Buffer
		if err := kind.write(&b); err != nil {
			return paths, err
		}
		path := filepath.Join(dir, f.name()+kind.extension)
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			return paths, fmt.Errorf("report: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (f *File) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Read reads the JSON file of a run.
func Read(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	f := new(File)
	if err := json.Unmarshal(b, f); err != nil {
		return nil, fmt.Errorf("report: %s: %w", path, err)
	}
	if f.Version != Version {
		return nil, fmt.Errorf("report: %s has version %d of the format, this program reads %d", path, f.Version, Version)
	}
	return f, nil
}
