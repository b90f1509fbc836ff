package house

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
)

// checkTable returns the fields of a configuration that no line of a document's
// tables names.
func checkTable(path, text string, config reflect.Type) (complaints []string) {
	var tables strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			tables.WriteString(line)
		}
	}
	for field := range config.Fields() {
		if !strings.Contains(tables.String(), "`"+field.Name+"`") {
			complaints = append(complaints, fmt.Sprintf("%s: no table names %s.%s", path, config, field.Name))
		}
	}
	return complaints
}

func TestTablesAreComplete(t *testing.T) {
	const options, limits = "docs/options.md", "SECURITY.md"
	report(t, checkTable(options, read(t, options), reflect.TypeFor[socketio.Config]()))
	report(t, checkTable(limits, read(t, limits), reflect.TypeFor[packet.Limits]()))
}

func TestTablesAreCompleteNegative(t *testing.T) {
	config := reflect.TypeFor[struct{ A, B int }]()
	mustComplain(t, checkTable("a.md", "| `A` |\n`B`\n", config), "a.md: no table names")
	report(t, checkTable("a.md", "| `A` |\n| `B` |\n", config))
}
