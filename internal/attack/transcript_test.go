package attack

import (
	"fmt"
	"strings"
	"sync"
)

// A transcript is what an attacker has sent and received, shortened.
type transcript struct {
	mu    sync.Mutex
	lines []string
	lost  int
}

const (
	keptLines = 24
	keptBytes = 160
)

func (t *transcript) add(direction, wire, bytes string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%s %-5s %s", direction, wire, shortened(bytes))
	if len(t.lines) == keptLines {
		t.lines = t.lines[1:]
		t.lost++
	}
	t.lines = append(t.lines, line)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	head := ""
	if t.lost > 0 {
		head = fmt.Sprintf("(%d earlier)\n\t", t.lost)
	}
	return head + strings.Join(t.lines, "\n\t")
}

// shortened returns bytes in a form for people.
func shortened(bytes string) string {
	if len(bytes) <= keptBytes {
		return fmt.Sprintf("%q", bytes)
	}
	return fmt.Sprintf("%q... (%d bytes)", bytes[:keptBytes], len(bytes))
}
