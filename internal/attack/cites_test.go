package attack

import (
	"slices"
	"strings"
	"testing"
)

// tables are all rows that there are.
func tables() []row {
	return slices.Concat(httpRows, upgradeRows, frameRows, networkRows, advisoryRows,
		packetRows, packetVolumeRows, limitRows, userCodeRows, recoveryRows, olderRows, packedRows,
		sharedRows, strangerRows)
}

func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range tables() {
		if seen[r.name] || r.name == "" || r.cites == "" || len(r.steps) == 0 || strings.Contains(r.name, "/") {
			t.Errorf("row %q: names are unique, and a row cites something and does something", r.name)
		}
		seen[r.name] = true
		if _, ok := servers[r.on]; !ok {
			t.Errorf("row %q: there is no server %q", r.name, r.on)
		}
	}
}
