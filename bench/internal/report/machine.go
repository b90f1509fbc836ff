package report

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// A Machine is what a run was made on.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Node   string `json:"node,omitempty"`
	// Governor is how the first core's clock is chosen, if the system says it.
	Governor string `json:"governor,omitempty"`
}

// ThisMachine describes the machine that this program runs on.
func ThisMachine(ctx context.Context) Machine {
	m := Machine{
		CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version(),
		Kernel:   runtime.GOOS + " " + line("/proc/sys/kernel/osrelease"),
		Governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		Node:     output(ctx, "", "node", "--version"),
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, model, ok := bytes.Cut(info, []byte("model name\t: ")); ok {
			model, _, _ = bytes.Cut(model, []byte("\n"))
			m.CPU = string(model)
		}
	}
	return m
}

func (m Machine) String() string {
	s := fmt.Sprintf("%s, %d cores, %s, %s", m.CPU, m.Cores, m.Kernel, m.Go)
	if m.Node != "" {
		s += ", Node " + m.Node
	}
	if m.Governor != "" {
		s += ", governor " + m.Governor
	}
	return s
}

// Commit returns the short name of a repository's commit, with a "+" if a file has
// been changed since; nothing if that is not known.
func Commit(ctx context.Context, root string) string {
	commit := output(ctx, root, "git", "rev-parse", "--short", "HEAD")
	if commit != "" && output(ctx, root, "git", "status", "--porcelain") != "" {
		commit += "+"
	}
	return commit
}

// line returns a file of one line, or nothing.
func line(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// output returns what a program says, or nothing.
func output(ctx context.Context, dir, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
