package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/bench/internal/report"
	"github.com/kawat-go/kawat/bench/internal/scenario"
)

func TestApart(t *testing.T) {
	// Four threads of two cores: 0 and 2 are one of them.
	twins := func(core int) string { return []string{"0,2", "1,3"}[core%2] }
	for _, c := range []struct {
		cores    []int
		siblings func(int) string
		want     []int
	}{
		{[]int{5}, twins, nil},
		{[]int{0, 1, 2, 3}, twins, []int{0, 1}},
		{[]int{0, 2, 3}, twins, []int{0, 3}},
		{[]int{0, 2}, twins, []int{0, 2}},
		{[]int{4, 7, 8}, func(int) string { return "" }, []int{4, 7}},
	} {
		if got := apart(c.cores, c.siblings); !slices.Equal(got, c.want) {
			t.Errorf("of %v: %v, want %v", c.cores, got, c.want)
		}
	}
}

func TestScenariosOfTheRunner(t *testing.T) {
	names := slices.Clone(quick)
	for name := range unpinned {
		names = append(names, name)
	}
	for name := range once {
		if !slices.Contains(quick, name) {
			t.Errorf("%s is measured once in the quick run, and is not in it", name)
		}
	}
	if _, err := scenario.Find(names...); err != nil {
		t.Error(err)
	}
}

// The whole way, with two servers and very little of everything.
func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	out := capture(t, func() error {
		return run(context.Background(), strings.Fields("-quick -rounds 1 -window 1s -warmup 10ms -servers nethttp,floor -scenarios echo-8,polling-echo -out "+dir))
	})
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := report.Read(files[0])
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, r := range f.Results {
		if len(r.Failures) > 0 || len(r.Rounds) != 1 || r.Rounds[0].Round != 1 {
			t.Fatalf("%+v", r)
		}
		got[r.Server+" "+r.Scenario] = r.Rounds[0].Ops
	}
	if len(got) != 3 || got["nethttp echo-8"] == 0 || got["nethttp polling-echo"] == 0 || got["floor echo-8"] == 0 {
		t.Errorf("operations: %v\n%s", got, out)
	}
	if !strings.Contains(out, "polling-echo") {
		t.Errorf("it says %q", out)
	}
	for _, kind := range []string{".md", ".svg"} {
		if _, err := os.Stat(strings.TrimSuffix(files[0], ".json") + kind); err != nil {
			t.Error(err)
		}
	}
}
