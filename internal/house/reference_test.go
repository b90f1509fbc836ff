package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The list of the reference's tests has a table for each of its files. Each row is
// of one title or more, and says which test here does the same, or, after "no:",
// why there is none, or, after "not yet:", what is missing for one.

const parityList = "docs/parity.md"

// hostSuite is a package whose every function is a test.
const hostSuite = "internal/adaptertest/"

var (
	parityHeading = regexp.MustCompile(`^## (\S+) \((\d+)\)$`)
	testReference = regexp.MustCompile("`([\\w./-]+\\.(?:go|mjs)): ([^`]+)`")
	testFunction  = regexp.MustCompile(`^(Test|Fuzz|Example)`)
	caseName      = regexp.MustCompile("(?m)^\\s*name: (?:'((?:\\\\.|[^'\\\\])*)'|`([^`]*)`),$")
)

// A tally counts titles by what became of them.
type tally struct{ titles, tested, no, notYet int }

func (n tally) String() string {
	return fmt.Sprintf("%d titles: %d are tested here, %d are not for this server, %d not yet.", n.titles, n.tested, n.no, n.notYet)
}

// checkParity returns what is wrong with the list. named returns what a file of
// tests has: its test functions, and the names of cases.
func checkParity(path, text string, named func(file string) (functions, cases map[string]bool, err error)) (complaints []string) {
	complain := func(line int, format string, args ...any) {
		complaints = append(complaints, fmt.Sprintf("%s:%d: ", path, line)+fmt.Sprintf(format, args...))
	}
	var all tally
	var section string
	want, got, at, n := 0, 0, 0, 0
	endSection := func() {
		if got != want {
			complain(at, "%s has %d titles, its rows are of %d", section, want, got)
		}
		want, got = 0, 0
	}
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "## ") {
			endSection()
			if m := parityHeading.FindStringSubmatch(line); m != nil {
				section, at = m[1], n
				want, _ = strconv.Atoi(m[2])
			}
			continue
		}
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| behaviour ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 3 {
			complain(n, "a row has a behaviour, how many titles say it, and what is here; this one has %d cells", len(cells))
			continue
		}
		titles, err := strconv.Atoi(cells[1])
		if err != nil || titles < 1 || section == "" {
			complain(n, "%q titles of %q", cells[1], section)
		}
		got += titles
		all.titles += titles
		references := testReference.FindAllStringSubmatch(cells[2], -1)
		switch {
		case strings.Contains(cells[2], "not yet: "):
			all.notYet += titles
		case strings.HasPrefix(cells[2], "no: "):
			all.no += titles
		case strings.HasPrefix(cells[2], "`") && len(references) > 0:
			all.tested += titles
		default:
			complain(n, "neither a test nor a reason: %s", cells[2])
		}
		for _, m := range references {
			for _, c := range checkReference(m[1], m[2], named) {
				complain(n, "%s", c)
			}
		}
	}
	endSection()
	if !strings.Contains(text, all.String()) {
		complain(1, "says another sum than: %s", all)
	}
	return complaints
}

// checkReference returns what is wrong with the name of a test: of a function with
// its subtests, or of a case in JavaScript.
func checkReference(file, name string, named func(string) (functions, cases map[string]bool, err error)) []string {
	functions, cases, err := named(file)
	if err != nil {
		return []string{err.Error()}
	}
	if strings.HasSuffix(file, ".mjs") {
		if !cases[name] {
			return []string{fmt.Sprintf("%s has no case %q", file, name)}
		}
		return nil
	}
	function, sub, _ := strings.Cut(name, "/")
	switch {
	case !functions[function]:
		return []string{fmt.Sprintf("%s has no function %s", file, function)}
	case sub != "" && !consistsOf(sub, cases):
		return []string{fmt.Sprintf("%s: nothing in %s is called %q", name, file, sub)}
	}
	return nil
}

// consistsOf reports whether a path is made of names, which may have slashes.
func consistsOf(path string, names map[string]bool) bool {
	if names[path] {
		return true
	}
	for i, r := range path {
		if r == '/' && names[path[:i]] && consistsOf(path[i+1:], names) {
			return true
		}
	}
	return false
}

// testsIn returns a function that reads each file of tests once.
func testsIn(load func(string) (string, error)) func(file string) (functions, cases map[string]bool, err error) {
	type names struct {
		functions, cases map[string]bool
		err              error
	}
	known := make(map[string]names)
	return func(file string) (functions, cases map[string]bool, err error) {
		found, ok := known[file]
		if !ok {
			found.functions, found.cases = make(map[string]bool), make(map[string]bool)
			var text string
			switch text, found.err = load(file); {
			case found.err != nil:
				found.err = fmt.Errorf("there is no file %s", file)
			case strings.HasSuffix(file, ".mjs"):
				for _, m := range caseName.FindAllStringSubmatch(text, -1) {
					found.cases[strings.ReplaceAll(m[1]+m[2], `\'`, `'`)] = true
				}
			default:
				found.err = namesOf(file, text, found.functions, found.cases)
			}
			known[file] = found
		}
		return found.functions, found.cases, found.err
	}
}

// namesOf notes the test functions of a Go file, and its strings, among which the
// names of subtests are.
func namesOf(file, text string, functions, cases map[string]bool) error {
	f, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
	if err != nil {
		return err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && (testFunction.MatchString(n.Name.Name) || strings.HasPrefix(file, hostSuite)) {
				functions[n.Name.Name] = true
			}
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil {
				cases[s] = true
			}
		}
		return true
	})
	return nil
}

func TestParityListIsTrue(t *testing.T) {
	report(t, checkParity(parityList, read(t, parityList), testsIn(load)))
}

func TestParityListIsTrueNegative(t *testing.T) {
	files := map[string]string{
		"a_test.go": "package a\nfunc TestA(t *testing.T) { t.Run(\"sub/name\", nil); _ = `deep` }\nfunc (x) TestM() {}\nfunc helper() {}",
		"c.mjs":     "  {\n    name: 'it\\'s here',\n  }",
		"bad.go":    "package",
	}
	named := testsIn(func(file string) (string, error) {
		if text, ok := files[file]; ok {
			return text, nil
		}
		return "", fmt.Errorf("none")
	})
	table := func(titles int, rows ...string) string {
		return fmt.Sprintf("## r.js (%d)\n\n| behaviour | titles | here |\n|---|---|---|\n%s\n", titles, strings.Join(rows, "\n"))
	}
	const fine = "| a | 1 | `a_test.go: TestA` |"
	for _, tt := range []struct{ text, want string }{
		{table(2, fine), "l.md:1: r.js has 2 titles, its rows are of 1"},
		{table(2, fine) + table(1, fine), "l.md:1: r.js has 2 titles"},
		{table(1, "| a | 1 | somewhere |"), "neither a test nor a reason: somewhere"},
		{table(1, "| a | 1 |"), "this one has 2 cells"},
		{table(0, "| a | 0 | no: x |"), `"0" titles`},
		{table(1, "| a | x | no: x |"), `"x" titles`},
		{table(1, "| a | 1 | `b_test.go: TestA` |"), "l.md:5: there is no file b_test.go"},
		{table(1, "| a | 1 | `bad.go: TestA` |"), "bad.go:"},
		{table(1, "| a | 1 | `a_test.go: TestB` |"), "a_test.go has no function TestB"},
		{table(1, "| a | 1 | `a_test.go: TestM` |"), "no function TestM"},
		{table(1, "| a | 1 | `a_test.go: helper` |"), "no function helper"},
		{table(1, "| a | 1 | `a_test.go: TestA/other` |"), `TestA/other: nothing in a_test.go is called "other"`},
		{table(1, "| a | 1 | `a_test.go: TestA/sub/name/x` |"), `called "sub/name/x"`},
		{table(1, "| a | 1 | `a_test.go: TestA`; not yet: `a_test.go: TestB` |"), "no function TestB"},
		{table(1, "| a | 1 | `c.mjs: gone` |"), `c.mjs has no case "gone"`},
		{table(1, fine) + "2 titles: 2 are tested here, 0 are not for this server, 0 not yet.", "another sum than: 1 titles: 1 are tested"},
	} {
		mustComplain(t, checkParity("l.md", tt.text, named), tt.want)
	}
	report(t, checkParity("l.md", table(8,
		"| a | 1 | `a_test.go: TestA/sub/name/deep`; but | ", "| b | 2 | `c.mjs: it's here`, `a_test.go: TestA` |",
		"| c | 3 | no: `a_test.go: TestA` does it |", "| d | 1 | `a_test.go: TestA`; not yet: x: y |", "| e | 1 | not yet: x |",
	)+"8 titles: 3 are tested here, 3 are not for this server, 2 not yet.", named))
}
