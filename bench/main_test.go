package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/bench/internal/report"
)

func TestOptions(t *testing.T) {
	var full, quick, own options
	for _, c := range []struct {
		o    *options
		args string
	}{
		{&full, ""},
		{&quick, "-quick"},
		{&own, "-quick -rounds 7 -window 3s -warmup 4s -connections 10 -servers a,b -scenarios c"},
	} {
		if err := c.o.parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
	}
	if full.rounds < 3 || full.quick || full.connections != 5000 || full.servers != nil {
		t.Errorf("full: %+v", full)
	}
	if !quick.quick || quick.rounds >= full.rounds || quick.window >= full.window || quick.connections != 2000 {
		t.Errorf("quick: %+v", quick)
	}
	if own.rounds != 7 || own.window != 3*time.Second || own.warmup != 4*time.Second || own.connections != 10 ||
		len(own.servers) != 2 || len(own.scenarios) != 1 {
		t.Errorf("own: %+v", own)
	}
	for _, args := range [][]string{{"-nonsense"}, {"nonsense"}, {"-window", "x"}} {
		flag.CommandLine.SetOutput(io.Discard)
		if err := new(options).parse(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

func TestCompare(t *testing.T) {
	f := &report.File{
		Version: report.Version, Date: time.Now(),
		Scenarios: []report.Scenario{{Name: "echo-8", Family: "Echo", Op: "echo"}},
	}
	f.Add("nethttp", true, "echo-8", report.Round{Round: 1, Ops: 1, Seconds: 1, CPUUs: 3})
	paths, err := f.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if filepath.Ext(path) != ".json" {
			continue
		}
		out := capture(t, func() error { return run(context.Background(), []string{"compare", path, path}) })
		if !strings.Contains(out, "echo-8") || !strings.Contains(out, "nethttp") {
			t.Errorf("compare says %q", out)
		}
	}
	if err := run(context.Background(), []string{"compare", "one.json"}); err == nil {
		t.Error("one file was compared")
	}
	if err := run(context.Background(), []string{"compare", "none.json", "none.json"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files that are not there: %v", err)
	}
}

// capture returns what f prints.
func capture(t *testing.T, f func() error) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	err = f()
	os.Stdout = stdout
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
