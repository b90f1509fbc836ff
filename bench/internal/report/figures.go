package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kawat-go/kawat/bench/internal/peers"
)

// A figure is one of those that a round has.
type figure func(Round) float64

func cpu(r Round) float64    { return r.CPUUs }
func user(r Round) float64   { return r.CPUUserUs }
func system(r Round) float64 { return r.CPUSysUs }
func speed(r Round) float64  { return r.OpsPerSec }
func p50(r Round) float64    { return r.P50Us }
func p99(r Round) float64    { return r.P99Us }
func p999(r Round) float64   { return r.P999Us }
func rss(r Round) float64    { return float64(r.RSSBytes) }
func memory(r Round) float64 { return r.PerConnBytes }
func later(r Round) float64  { return r.PerConnLaterBytes }
func load(r Round) float64   { return r.LoadCPUUs }

// A spread is the median of a figure over the rounds, and its range.
type spread struct {
	median, low, high float64
	rounds            int
}

func spreadOf(values []float64) spread {
	n := len(values)
	if n == 0 {
		return spread{}
	}
	slices.Sort(values)
	return spread{median: (values[(n-1)/2] + values[n/2]) / 2, low: values[0], high: values[n-1], rounds: n}
}

func (s spread) known() bool { return s.rounds > 0 }

// spread returns a figure of the result; the result may be nil.
func (r *Result) spread(of figure) spread {
	var values []float64
	if r != nil {
		for _, round := range r.Rounds {
			if v := of(round); v > 0 {
				values = append(values, v)
			}
		}
	}
	return spreadOf(values)
}

// ratio returns what share of another's figure the result has. Rounds are compared
// with the same round of the other: what the machine did then, both have felt.
func (r *Result) ratio(base *Result, of figure) spread {
	if r == nil || base == nil {
		return spread{}
	}
	if r == base && r.spread(of).known() {
		return spread{median: 1, low: 1, high: 1, rounds: 1}
	}
	var values []float64
	for _, mine := range r.Rounds {
		for _, its := range base.Rounds {
			if mine.Round == its.Round && of(mine) > 0 && of(its) > 0 {
				values = append(values, of(mine)/of(its))
			}
		}
	}
	return spreadOf(values)
}

// cost is what a scenario is about: time on the processor or, where nothing is
// done, memory.
func (f *File) cost(scenario string) figure {
	for _, r := range f.Results {
		if r.Scenario == scenario && r.spread(cpu).known() {
			return cpu
		}
	}
	return memory
}

// servers returns the names of the servers that have results, in the order of
// reports.
func (f *File) servers() (names []string) {
	for _, p := range peers.All() {
		names = append(names, p.Name)
	}
	for _, r := range f.Results {
		if !slices.Contains(names, r.Server) {
			names = append(names, r.Server)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return !slices.ContainsFunc(f.Results, func(r *Result) bool { return r.Server == name })
	})
}

// title is what a server is called in a report.
func title(server string) string {
	for _, p := range peers.All() {
		if p.Name == server {
			return p.Title
		}
	}
	return server
}

// number writes three digits that mean something, or all before the point, with
// commas.
func number(v float64) string {
	switch {
	case v < 0.1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// in returns the spread in another unit.
func (s spread) in(unit float64) spread {
	s.median, s.low, s.high = s.median/unit, s.low/unit, s.high/unit
	return s
}

// String writes the median and the range, if there is one.
func (s spread) String() string {
	low, high := number(s.low), number(s.high)
	if !s.known() || low == high {
		return s.short()
	}
	return fmt.Sprintf("%s [%s..%s]", number(s.median), low, high)
}

// short writes the median only.
func (s spread) short() string {
	if !s.known() {
		return nothing
	}
	return number(s.median)
}

// failures returns what went wrong, with whom and where.
func (f *File) failures() (all []string) {
	for _, r := range f.Results {
		for _, failure := range r.Failures {
			where := ""
			if !r.Pinned {
				where = ", unpinned"
			}
			all = append(all, fmt.Sprintf("%s, %s%s, %s", r.Scenario, r.Server, where, strings.ReplaceAll(failure, "\n", " ")))
		}
	}
	return all
}
