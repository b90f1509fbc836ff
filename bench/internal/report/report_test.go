package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/internal/process"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample returns the results of a run that never was. Costs grow from server to
// server, and from round to round.
func sample() *File {
	f := &File{
		Version: Version, Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Commit: "abc1234",
		Machine: Machine{CPU: "Some CPU", Cores: 2, Kernel: "linux 6", Go: "go1.26", Node: "v20"},
		Scenarios: []Scenario{
			{"idle", "Idle connections", "connection", "5,000 connections & nothing to do"},
			{"echo-1", "Echo", "echo", "200 clients, 1 in flight"},
			{"echo-8", "Echo", "echo", "200 clients, 8 in flight"},
			{"polling-echo", "Long-polling", "echo", "100 clients, 1 in flight"},
		},
	}
	for i, server := range []string{"floor", "nethttp", "fiber", "node"} {
		for round := range 3 {
			slower := 1 + float64(round)/10 // all of a round alike, as the machine's mood is
			f.Add(server, true, "idle", Round{Round: round + 1, PerConnBytes: 4096*float64(1+i) + float64(300*i*round), RSSBytes: 10 << 20})
			for j, scenario := range []string{"echo-1", "echo-8", "polling-echo"} {
				if server == "floor" && scenario == "polling-echo" {
					continue
				}
				spent := process.CPU{User: time.Duration(float64(1+i*i) * slower * 1e9), Sys: time.Duration(slower * 1e9)}
				r := Measured(round+1, int64(1_000_000/(1+j)), 4*time.Second, spent)
				r.P50Us, r.P99Us, r.P999Us, r.LoadCPUUs = 500, 1500*slower, 12_345, 0.4
				f.Add(server, true, scenario, r)
			}
		}
		f.Add(server, false, "echo-8", Measured(1, 1000, time.Second, process.CPU{User: time.Duration(1+i) * time.Millisecond}))
	}
	f.Fail("gin", true, "echo-8", 2, errors.New("no ack\nfor 5 s"))
	return f
}

func write(t *testing.T, f func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test -update writes it anew. Now it is:\n%s", path, got)
	}
}

func TestMarkdown(t *testing.T) { golden(t, "markdown.golden", write(t, sample().Markdown)) }

func TestBrief(t *testing.T) { golden(t, "brief.golden", write(t, sample().Brief)) }

func TestMeasured(t *testing.T) {
	got := Measured(2, 500_000, 2*time.Second, process.CPU{User: 3 * time.Second, Sys: time.Second})
	want := Round{Round: 2, Ops: 500_000, Seconds: 2, CPUUs: 8, CPUUserUs: 6, CPUSysUs: 2, OpsPerSec: 250_000}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if none := Measured(1, 0, time.Second, process.CPU{User: 1}); none.CPUUs != 0 || none.Seconds != 1 {
		t.Errorf("of no operations: %+v", none)
	}
}

func TestWriteAndRead(t *testing.T) {
	f := sample()
	f.Quick = true
	dir := filepath.Join(t.TempDir(), "results")
	paths, err := f.Write(dir)
	if err != nil || len(paths) != 3 {
		t.Fatalf("written: %v, error %v", paths, err)
	}
	for i, extension := range []string{".json", ".md", ".svg"} {
		if want := filepath.Join(dir, "2026-01-02-030405-abc1234-quick"+extension); paths[i] != want {
			t.Errorf("%s, want %s", paths[i], want)
		}
	}
	got, err := Read(paths[0])
	if err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("read %+v, error %v", got, err)
	}
	for text, want := range map[string]string{`{"version":99}`: "version 99", "{": "JSON"} {
		path := filepath.Join(dir, "other.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestRatiosAreMadeWithinARound(t *testing.T) {
	var f File
	for round, mood := range []float64{1, 5, 2} { // of the machine
		f.Add("node", true, "s", Round{Round: round + 1, CPUUs: 10 * mood})
		f.Add("gin", true, "s", Round{Round: round + 1, CPUUs: 3 * mood})
	}
	gin, node := f.find("gin", true, "s"), f.find("node", true, "s")
	if got := gin.ratio(node, cpu).String(); got != "0.30" {
		t.Errorf("the ratio is %s", got)
	}
	if got := node.ratio(node, cpu).String(); got != "1.00" {
		t.Errorf("of itself it is %s", got)
	}
	if got := gin.ratio(nil, cpu).String(); got != "-" {
		t.Errorf("of nothing it is %s", got)
	}
	f.Add("gin", true, "s", Round{Round: 4, CPUUs: 1000}) // nothing to compare it with
	if got := gin.ratio(node, cpu); got.rounds != 3 {
		t.Errorf("%d rounds are compared", got.rounds)
	}
	if got := gin.spread(cpu).String(); got != "10.5 [3.00..1,000]" {
		t.Errorf("the figure itself is %s", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0.0123: "0.012", 0.2: "0.20", 9.99: "9.99", 9.999: "10.0", 42.42: "42.4", 99.96: "100", 1234: "1,234", 1234567.8: "1,234,568", 999: "999",
	} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// An element of a plot.
type element struct {
	name       string
	attributes map[string]string
	text       string
}

func (e element) number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(e.attributes[name], 64)
	if err != nil {
		t.Errorf("%s of %v: %v", name, e, err)
	}
	return v
}

// elements parses a plot.
func elements(t *testing.T, svg string) (all []element) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("the plot is not well-formed: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attributes: map[string]string{}}
			for _, a := range token.Attr {
				e.attributes[a.Name.Local] = a.Value
			}
			all = append(all, e)
		case xml.CharData:
			if len(all) > 0 {
				all[len(all)-1].text += strings.TrimSpace(string(token))
			}
		}
	}
}

func TestSVG(t *testing.T) {
	f := sample()
	f.Scenarios[1].Name = "<echo> & 1"
	for _, r := range f.Results {
		if r.Scenario == "echo-1" {
			r.Scenario = f.Scenarios[1].Name
		}
	}
	all := elements(t, write(t, f.SVG))
	height := all[0].number(t, "height")
	texts, widths := map[string]bool{}, map[string]int{}
	var node float64
	for _, e := range all[1:] {
		texts[e.text] = true
		switch e.name {
		case "rect":
			widths[e.attributes["fill"]+" "+e.attributes["width"]]++
			if e.number(t, "x")+e.number(t, "width") > plotRight || e.number(t, "y")+e.number(t, "height") > height {
				t.Errorf("a bar leaves the plot: %v", e)
			}
		case "line":
			if e.attributes["stroke"] == nodeColour {
				node = e.number(t, "x1")
			}
		}
	}
	for _, want := range []string{"<echo> & 1", "echo-8", "polling-echo", "idle", "memory", "CPU per echo", "Node = 1", "Kawat on net/http", "bare loop"} {
		if !texts[want] {
			t.Errorf("the plot does not say %q", want)
		}
	}
	if texts["Kawat on Gin"] || texts["Node, socket.io 4.8.4"] {
		t.Error("the legend has a server without bars")
	}
	// The floor has 2, net/http 3, Fiber 6 and Node 11 s a round in each of the echoes.
	for bar, want := range map[string]int{colour("nethttp"): 3, colour("fiber"): 3, colour("floor"): 2} {
		share := map[string]float64{colour("nethttp"): 3.0 / 11, colour("fiber"): 6.0 / 11, colour("floor"): 2.0 / 11}[bar]
		if got := widths[fmt.Sprintf("%s %.1f", bar, share*(node-plotLeft))]; got != want {
			t.Errorf("%s has %d bars for its share of Node's processor time, want %d: %v", bar, got, want, widths)
		}
	}
}

func TestSVGOfExtremes(t *testing.T) {
	f := &File{Scenarios: []Scenario{{"s", "S", "op", ""}}}
	elements(t, write(t, f.SVG))
	f.Add("node", true, "s", Round{Round: 1, CPUUs: 1})
	f.Add("gin", true, "s", Round{Round: 1, CPUUs: 50})
	f.Add("node", true, "s", Round{Round: 2, CPUUs: 1})
	f.Add("gin", true, "s", Round{Round: 2, CPUUs: 60})
	said := ""
	for _, e := range elements(t, write(t, f.SVG)) {
		said += e.text + "\n"
		if e.name == "rect" && e.number(t, "x")+e.number(t, "width") > plotRight {
			t.Errorf("a bar leaves the plot: %v", e)
		}
		if e.name == "line" && max(e.number(t, "x1"), e.number(t, "x2")) > plotRight {
			t.Errorf("a line leaves the plot: %v", e)
		}
	}
	if !strings.Contains(said, "> 55.0") {
		t.Errorf("the plot says %s", said)
	}
}

func TestCompare(t *testing.T) {
	old, after := sample(), sample()
	after.Commit = "def5678"
	change := func(f *File, server, scenario string, factor float64) {
		for i := range f.find(server, true, scenario).Rounds {
			f.find(server, true, scenario).Rounds[i].CPUUs *= factor
		}
	}
	change(after, "nethttp", "echo-8", 0.5)
	change(after, "fiber", "echo-8", 1.1)
	change(after, "fiber", "polling-echo", 1.5)
	after.Add("gin", true, "echo-8", Round{Round: 1, CPUUs: 1})
	got := write(t, func(w io.Writer) error { return Compare(w, old, after) })
	golden(t, "compare.golden", got)

	after.Machine.CPU, after.Quick = "Another CPU", true
	got = write(t, func(w io.Writer) error { return Compare(w, old, after) })
	for _, want := range []string{"The machines differ", "Another CPU", "Only one of them was a quick run"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not said:\n%s", want, got)
		}
	}
	same := write(t, func(w io.Writer) error { return Compare(w, old, old) })
	for _, never := range []string{"less", "more", "differ", "left out"} {
		if strings.Contains(same, never) {
			t.Errorf("of a run and itself %q is said:\n%s", never, same)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		before, after spread
		want          string
	}{
		{spread{5, 4, 6, 3}, spread{7, 6.1, 8, 3}, "more"},
		{spread{5, 4, 6, 3}, spread{7, 6, 8, 3}, "within noise"},
		{spread{5, 4, 6, 3}, spread{3, 2, 4, 3}, "within noise"},
		{spread{5, 4, 6, 3}, spread{3, 2, 3.9, 3}, "less"},
		{spread{5, 5, 5, 1}, spread{3, 2, 3.9, 3}, "one round"},
	} {
		if got := verdict(tt.before, tt.after); got != tt.want {
			t.Errorf("%v, then %v: %q, want %q", tt.before, tt.after, got, tt.want)
		}
	}
}

func TestMachine(t *testing.T) {
	if m := ThisMachine(t.Context()); m.CPU == "" || m.Cores < 1 || !strings.HasPrefix(m.Go, "go1") {
		t.Errorf("this machine is %+v", m)
	}
	if got := Commit(t.Context(), t.TempDir()); got != "" {
		t.Errorf("a folder without a repository has the commit %q", got)
	}
}
