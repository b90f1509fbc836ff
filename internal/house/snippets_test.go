package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"path/filepath"
	"strings"
	"testing"
)

// Go blocks of a document are of three kinds. One with a package clause is a whole
// program. One that holds declarations only is seen by the whole document. All
// others are statements, which find what follows declared already.

const preamble = `package document
import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	goredis "github.com/redis/go-redis/v9"

	siogin "github.com/kawat-go/kawat/adapters/gin"
	sioecho "github.com/kawat-go/kawat/adapters/echo"
	siofiber "github.com/kawat-go/kawat/adapters/fiber"
	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/backplanes/postgres"
	"github.com/kawat-go/kawat/backplanes/redis"
	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/emitter"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
	"github.com/kawat-go/kawat/nethttp"
)
`

const given = `func _(ctx context.Context, io *socketio.Server, s *socketio.Socket, err error,
	mux *http.ServeMux, srv *http.Server, r *gin.Engine, e *echo.Echo, app *fiber.App) {
`

// parseBlock makes a file of a block. at is where it is found: errors name it.
func (c *checker) parseBlock(at, text string) (f *ast.File, program bool, err error) {
	line := "//line " + at + "\n"
	if program = strings.HasPrefix(strings.TrimSpace(text), "package "); program {
		f, err = parser.ParseFile(c.fset, "", line+text, 0)
		return f, program, err
	}
	if f, err := parser.ParseFile(c.fset, "", preamble+line+text, 0); err == nil {
		return f, program, nil
	}
	f, err = parser.ParseFile(c.fset, "", preamble+given+"{\n"+line+text+"\n}}", 0)
	return f, program, err
}

// checkSnippets returns what is wrong with the Go blocks of a document.
func checkSnippets(c *checker, path, text string) (complaints []string) {
	blocks, _ := split(text)
	var document []*ast.File
	for _, b := range blocks {
		if b.language != "go" {
			continue
		}
		f, program, err := c.parseBlock(fmt.Sprintf("%s:%d", path, b.line), b.text)
		switch {
		case err != nil:
			complaints = append(complaints, err.Error())
		case program:
			complaints = append(complaints, c.check([]*ast.File{f}, nil, false)...)
		default:
			document = append(document, f)
		}
	}
	if len(document) > 0 {
		complaints = append(complaints, c.check(document, nil, true)...)
	}
	return complaints
}

func TestSnippetsCompile(t *testing.T) {
	c := newChecker(t)
	for _, path := range walk(t, ".md") {
		if strings.HasPrefix(path, "examples/") {
			report(t, checkExcerpts(path, read(t, path), sources(t, filepath.Dir(path))))
		} else {
			report(t, checkSnippets(c, path, read(t, path)))
		}
	}
}

// sources returns the Go code of a folder.
func sources(t *testing.T, folder string) (code string) {
	t.Helper()
	for _, path := range walk(t, ".go") {
		if filepath.Dir(path) == folder {
			code += read(t, path)
		}
	}
	return code
}

// checkExcerpts returns the lines of an example's document that claim to be its
// code and are not.
func checkExcerpts(path, text, code string) (complaints []string) {
	known := make(map[string]bool)
	for line := range strings.Lines(code) {
		known[essence(line)] = true
	}
	blocks, _ := split(text)
	for _, b := range blocks {
		n := b.line
		for line := range strings.Lines(b.text) {
			if b.language == "go" && !known[essence(line)] {
				complaints = append(complaints, fmt.Sprintf("%s:%d: the example has no such line: %s", path, n, line))
			}
			n++
		}
	}
	return complaints
}

// essence is what of a line must be the same: not its comment, and not whether it
// looks at its last result.
func essence(line string) string {
	line, _, _ = strings.Cut(line, " //")
	return strings.Replace(strings.TrimSpace(line), ", _ :=", ", ok :=", 1)
}

func TestSnippetsCompileNegative(t *testing.T) {
	c := newChecker(t)
	for _, tt := range []struct{ text, want string }{
		{"package main\nfunc main() { x() }", "a.md:3: undefined: x"},
		{"package main\nimport \"fmt\"\nfunc main() {}", "imported and not used"},
		{"io.Shout()", "io.Shout undefined"},
		{"type T struct{ x Nothing }", "undefined: Nothing"},
		{"if {", "a.md:2"},
	} {
		mustComplain(t, checkSnippets(c, "a.md", "```go\n"+tt.text+"\n```\n"), tt.want)
	}
	report(t, checkSnippets(c, "a.md", "```go\nio, err := socketio.New(socketio.Config{})\n```\n```go\ntype T int\n```\n```go\nvar x T\n```\n```js\n?\n```\n"))
	mustComplain(t, checkExcerpts("a.md", "```go\nx()\n```\n", "y()\n"), "a.md:2: the example has no such line: x()")
	report(t, checkExcerpts("a.md", "```go\n\tx() // here\n\n```\n", "\n\t\tx()\n"))
}
