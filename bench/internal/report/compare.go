package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kawat-go/kawat/bench/internal/peers"
)

// measures are what two runs are compared by.
var measures = []struct {
	name string
	of   figure
	unit float64
}{
	{"CPU, µs", cpu, 1},
	{"memory, KB", memory, kilobytes},
	{"p99, ms", p99, milliseconds},
}

// Compare writes the figures of two runs side by side, and which of the differences
// are larger than what the rounds of one run differ by.
func Compare(w io.Writer, old, new *File) error {
	var head strings.Builder
	fmt.Fprintf(&head, "old: %s, %s\nnew: %s, %s\n", old.Commit, old.Date.Format("2006-01-02 15:04"), new.Commit, new.Date.Format("2006-01-02 15:04"))
	if old.Machine != new.Machine {
		fmt.Fprintf(&head, "The machines differ, so only the shares of Node's cost can be compared:\n  old: %s\n  new: %s\n", old.Machine, new.Machine)
	}
	if old.Quick != new.Quick {
		fmt.Fprintf(&head, "Only one of them was a quick run: what they do differs.\n")
	}
	if _, err := fmt.Fprintln(w, head.String()); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "scenario\tserver\t\told\tnew\tnew/old\t\tof node, old\tnew")
	for _, s := range new.Scenarios {
		for _, server := range new.servers() {
			for _, pinned := range []bool{true, false} {
				after, before := new.find(server, pinned, s.Name), old.find(server, pinned, s.Name)
				if after == nil {
					continue
				}
				for _, m := range measures {
					a, b := after.spread(m.of), before.spread(m.of)
					if !a.known() || !b.known() {
						continue
					}
					name := server
					if !pinned {
						name += ", unpinned"
					}
					fmt.Fprintf(t, "%s\t%s\t%s\t%v\t%v\t%s\t%s\t%s\t%s\n", s.Name, name, m.name, b.in(m.unit), a.in(m.unit),
						number(a.median/b.median), verdict(b, a),
						before.ratio(old.find(peers.Node, pinned, s.Name), m.of).short(),
						after.ratio(new.find(peers.Node, pinned, s.Name), m.of).short())
				}
			}
		}
	}
	if old.lacks(new) || new.lacks(old) {
		fmt.Fprintln(t, "\nWhat only one of the runs has measured is left out.")
	}
	return t.Flush()
}

// lacks reports whether the other run has results that this one does not have.
func (f *File) lacks(other *File) bool {
	return slices.ContainsFunc(other.Results, func(r *Result) bool {
		mine := f.find(r.Server, r.Pinned, r.Scenario)
		return len(r.Rounds) > 0 && (mine == nil || len(mine.Rounds) == 0)
	})
}

// verdict says what a difference means.
func verdict(before, after spread) string {
	switch {
	case before.rounds < 2 || after.rounds < 2:
		return "one round"
	case after.low > before.high:
		return "more"
	case after.high < before.low:
		return "less"
	}
	return "within noise"
}
