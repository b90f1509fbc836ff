package attack

import (
	"fmt"
	"strings"
	"sync"
)

// A transcript is what an attacker has sent and received, shortened.
type transcript struct {
	mu    sync.Mutex
	lines []line
	lost  int
}

type line struct {
	direction, wire, start string
	size                   int
}

const (
	keptLines = 24
	keptBytes = 160
)

func (t *transcript) add(direction, wire, bytes string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == keptLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
		t.lost++
	}
	t.lines = append(t.lines, line{direction, wire, strings.Clone(bytes[:min(len(bytes), keptBytes)]), len(bytes)})
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	if t.lost > 0 {
		fmt.Fprintf(&b, "(%d earlier)\n\t", t.lost)
	}
	for _, l := range t.lines {
		fmt.Fprintf(&b, "%s %-5s %q", l.direction, l.wire, l.start)
		if l.size > len(l.start) {
			fmt.Fprintf(&b, "... (%d bytes)", l.size)
		}
		b.WriteString("\n\t")
	}
	return b.String()
}
