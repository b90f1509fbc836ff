package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kawat-go/kawat/bench/internal/peers"
)

const (
	milliseconds = 1000 // microseconds in one
	kilobytes    = 1024 // bytes in one
	nothing      = "-"  // for what was not measured
)

// A column of a table; it is left out where nobody has such a figure.
type column struct {
	head string
	cell func(f *File, r *Result) string
}

func ranged(of figure, unit float64) func(*File, *Result) string {
	return func(_ *File, r *Result) string { return r.spread(of).in(unit).String() }
}

func short(of figure, unit float64) func(*File, *Result) string {
	return func(_ *File, r *Result) string { return r.spread(of).in(unit).short() }
}

// relative is the cost as a share of another server's.
func relative(base string) func(*File, *Result) string {
	return func(f *File, r *Result) string {
		return r.ratio(f.find(base, r.Pinned, r.Scenario), f.cost(r.Scenario)).String()
	}
}

// shares are what a figure is of Node's and of the floor's.
func shares(of figure) func(*File, *Result) string {
	return func(f *File, r *Result) string {
		node := r.ratio(f.find(peers.Node, r.Pinned, r.Scenario), of).short()
		floor := r.ratio(f.find(peers.Floor, r.Pinned, r.Scenario), of).short()
		if node == nothing && floor == nothing {
			return nothing
		}
		return node + ", " + floor
	}
}

// figures are what was measured, and the cost compared with others.
var figures = []column{
	{"CPU per op, µs", ranged(cpu, 1)},
	{"user", short(user, 1)},
	{"system", short(system, 1)},
	{"memory per connection, KB", ranged(memory, kilobytes)},
	{"later, KB", ranged(later, kilobytes)},
	{"of Node", relative(peers.Node)},
	{"of the bare loop", relative(peers.Floor)},
	{"ops/s", ranged(speed, 1)},
	{"p50, ms", ranged(p50, milliseconds)},
	{"p99, ms", ranged(p99, milliseconds)},
	{"p99.9, ms", ranged(p999, milliseconds)},
	{"RSS, MB", short(rss, kilobytes*kilobytes)},
	{"generator, µs", short(load, 1)},
}

// comparisons are all figures as shares of others'.
var comparisons = []column{
	{"CPU", shares(cpu)},
	{"user", shares(user)},
	{"system", shares(system)},
	{"memory per connection", shares(memory)},
	{"later", shares(later)},
	{"ops/s", shares(speed)},
	{"p50", shares(p50)},
	{"p99", shares(p99)},
	{"p99.9", shares(p999)},
	{"RSS", shares(rss)},
}

// A row of a table is a result.
type row struct {
	scenario Scenario
	result   *Result
}

// families returns the headings, in the order in which they come.
func (f *File) families() (names []string) {
	for _, s := range f.Scenarios {
		if !slices.Contains(names, s.Family) {
			names = append(names, s.Family)
		}
	}
	return names
}

// rows returns the results of a family that have figures.
func (f *File) rows(family string, pinned bool) (rows []row) {
	for _, s := range f.Scenarios {
		if s.Family != family {
			continue
		}
		for _, server := range f.servers() {
			if r := f.find(server, pinned, s.Name); r != nil && len(r.Rounds) > 0 {
				rows = append(rows, row{s, r})
			}
		}
	}
	return rows
}

// Markdown writes all that was measured, in tables.
func (f *File) Markdown(w io.Writer) error {
	var b strings.Builder
	kind := ""
	if f.Quick {
		kind = " This was the quick run, whose figures vary more."
	}
	fmt.Fprintf(&b, "# Kawat, Node and a bare loop\n\nCommit %s, %s. %s.%s\n\n", f.Commit, f.Date.Format("2 January 2006 15:04"), f.Machine, kind)
	fmt.Fprintf(&b, "![What each server costs, compared with Node's](%s.svg)\n\n", f.name())
	b.WriteString("Medians of the rounds, with [lowest..highest]. CPU is what the server's whole process has spent on an operation;\n" +
		"\"of Node\" and \"of the bare loop\" are shares of their cost, compared round by round. Less is better, but for ops/s.\n" +
		"A KB is 1,024 bytes. The generator's own time on an operation is in the last column.\n")
	for _, family := range f.families() {
		f.table(&b, "## "+family, family, true)
	}
	if slices.ContainsFunc(f.Results, func(r *Result) bool { return !r.Pinned }) {
		b.WriteString("\n## Unpinned\n\nServer and generator may run on any core.\n")
		for _, family := range f.families() {
			f.table(&b, "### "+family+", unpinned", family, false)
		}
	}
	if failures := f.failures(); len(failures) > 0 {
		b.WriteString("\n## What failed\n\n")
		for _, failure := range failures {
			fmt.Fprintf(&b, "- %s\n", failure)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *File) table(b *strings.Builder, heading, family string, pinned bool) {
	rows := f.rows(family, pinned)
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n\n", heading)
	for i, r := range rows {
		if i == 0 || rows[i-1].scenario.Name != r.scenario.Name {
			fmt.Fprintf(b, "- `%s`: %s. An op is one %s.\n", r.scenario.Name, strings.TrimSuffix(r.scenario.Text, "."), r.scenario.Op)
		}
	}
	fmt.Fprintf(b, "\n%s\n\nThe same as shares of Node's figure, and of the bare loop's:\n\n%s\n", f.cells(rows, figures), f.cells(rows, comparisons))
}

// cells returns a table.
func (f *File) cells(rows []row, columns []column) string {
	lines := make([]string, len(rows)+2)
	lines[0], lines[1] = "| scenario | server |", "|---|---|"
	for i, r := range rows {
		name := ""
		if i == 0 || rows[i-1].scenario.Name != r.scenario.Name {
			name = "`" + r.scenario.Name + "`"
		}
		lines[i+2] = fmt.Sprintf("| %s | %s |", name, title(r.result.Server))
	}
	for _, c := range columns {
		cells := make([]string, len(rows))
		empty := true
		for i, r := range rows {
			cells[i] = c.cell(f, r.result)
			empty = empty && cells[i] == nothing
		}
		if empty {
			continue
		}
		lines[0], lines[1] = lines[0]+" "+c.head+" |", lines[1]+"---:|"
		for i, cell := range cells {
			lines[i+2] += " " + cell + " |"
		}
	}
	return strings.Join(lines, "\n")
}

// Brief writes what matters most, for a terminal.
func (f *File) Brief(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, pinned := range []bool{true, false} {
		for _, family := range f.families() {
			for i, r := range f.rows(family, pinned) {
				if i == 0 {
					where := ""
					if !pinned {
						where = ", unpinned"
					}
					fmt.Fprintf(t, "%s%s\t\tcost\tof node\tof floor\tops/s\tp99, ms\n", family, where)
				}
				cost, unit := r.result.spread(cpu), "µs"
				if !cost.known() {
					cost, unit = r.result.spread(memory).in(kilobytes), "KB"
				}
				fmt.Fprintf(t, "  %s\t%s\t%v %s\t%s\t%s\t%s\t%s\n", r.scenario.Name, r.result.Server, cost, unit,
					relative(peers.Node)(f, r.result), relative(peers.Floor)(f, r.result),
					r.result.spread(speed).short(), r.result.spread(p99).in(milliseconds).short())
			}
		}
	}
	for _, failure := range f.failures() {
		fmt.Fprintf(t, "FAILED: %s\n", failure)
	}
	return t.Flush()
}
