package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

const maxLines = 500

func checkLength(path, text string) (complaints []string) {
	if n := strings.Count(text, "\n"); n > maxLines {
		complaints = append(complaints, fmt.Sprintf("%s has %d lines, more than %d: split it by concern", path, n, maxLines))
	}
	return complaints
}

func TestFilesAreShort(t *testing.T) {
	for _, path := range walk(t, ".go", ".md", ".mjs", ".js", ".css") {
		report(t, checkLength(path, read(t, path)))
	}
}

func TestFilesAreShortNegative(t *testing.T) {
	mustComplain(t, checkLength("long.go", strings.Repeat("\n", maxLines+1)), "long.go has 501 lines")
}

// interfaceMethods need no comment of their own: the interface says what they do.
var interfaceMethods = []string{"Error", "Unwrap", "Is", "As", "String"}

// checkComments returns what lacks a comment: the package, and everything exported
// but fields.
func checkComments(fset *token.FileSet, name string, files []*ast.File) (complaints []string) {
	if !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil }) {
		complaints = append(complaints, fmt.Sprintf("package %s has no comment", name))
	}
	lacks := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		documented := slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d != nil })
		if id.IsExported() && !documented {
			complaints = append(complaints, fmt.Sprintf("%s: %s has no comment", fset.Position(id.Pos()), id.Name))
		}
	}
	for _, f := range files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || receiverExported(d) && !slices.Contains(interfaceMethods, d.Name.Name) {
					lacks(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						lacks(spec.Name, d.Doc, spec.Doc)
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							lacks(id, d.Doc, spec.Doc, spec.Comment)
						}
					}
				}
			}
		}
	}
	return complaints
}

func receiverExported(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func checkInit(fset *token.FileSet, files []*ast.File) (complaints []string) {
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				complaints = append(complaints, fmt.Sprintf("%s: an init function runs for everybody who imports the package", fset.Position(fn.Pos())))
			}
		}
	}
	return complaints
}

func TestSource(t *testing.T) {
	c := newChecker(t)
	for _, p := range packages(t) {
		if !p.ours() || len(p.GoFiles) == 0 {
			continue
		}
		files := c.parse(t, p)
		report(t, checkComments(c.fset, p.local(), files))
		report(t, checkInit(c.fset, files))
	}
}

// parseOne parses the source of a broken package.
func parseOne(t *testing.T, c *checker, source string) []*ast.File {
	t.Helper()
	f, err := parser.ParseFile(c.fset, "broken.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return []*ast.File{f}
}

func TestSourceNegative(t *testing.T) {
	c := newChecker(t)
	for _, tt := range []struct{ source, want string }{
		{"package p", "package p has no comment"},
		{"package p\nfunc F() {}", "F has no comment"},
		{"package p\ntype T int", "T has no comment"},
		{"package p\nconst C = 1", "C has no comment"},
		{"package p\nvar V = 1", "V has no comment"},
		{"package p\n// T.\ntype T int\nfunc (t *T) M() {}", "M has no comment"},
		{"package p\n// T.\ntype T[E any] int\nfunc (t T[E]) M() {}", "M has no comment"},
	} {
		mustComplain(t, checkComments(c.fset, "p", parseOne(t, c, tt.source)), tt.want)
	}
	mustComplain(t, checkInit(c.fset, parseOne(t, c, "package p\nfunc init() {}")), "an init function runs")
}

// checkVariables returns where a package-level variable is changed, or can be by
// others because it is exported and no error. Pools and memories, which change
// through their methods, are not meant.
func checkVariables(fset *token.FileSet, files []*ast.File, info *types.Info) (complaints []string) {
	changed := func(e ast.Expr) {
		if v := packageVariable(info, e); v != nil {
			complaints = append(complaints, fmt.Sprintf("%s: the package's variable %s is changed", fset.Position(e.Pos()), v.Name()))
		}
	}
	for id, object := range info.Defs {
		v, ok := object.(*types.Var)
		if ok && isPackageLevel(v) && v.Exported() && v.Type().String() != "error" {
			complaints = append(complaints, fmt.Sprintf("%s: anybody can change %s", fset.Position(id.Pos()), v.Name()))
		}
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					changed(e)
				}
			case *ast.IncDecStmt:
				changed(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					changed(n.Key)
				}
			}
			return true
		})
	}
	return complaints
}

// packageVariable returns the package-level variable that an assignment to e
// changes, or nil.
func packageVariable(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.Ident:
			if v, ok := info.Uses[x].(*types.Var); ok && isPackageLevel(v) {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}

func isPackageLevel(v *types.Var) bool { return v.Pkg() != nil && v.Parent() == v.Pkg().Scope() }

func newInfo() *types.Info {
	return &types.Info{Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object)}
}

func TestNoMutableVariables(t *testing.T) {
	c := newChecker(t)
	for _, p := range packages(t) {
		if !p.ours() || p.Name == "main" || !matches(p.local(), []string{"./core/...", "./nethttp", "./adapters/...", "./internal/..."}) {
			continue
		}
		files, info := c.parse(t, p), newInfo()
		report(t, c.check(files, info, false))
		report(t, checkVariables(c.fset, files, info))
	}
}

func TestNoMutableVariablesNegative(t *testing.T) {
	c := newChecker(t)
	for _, tt := range []struct{ source, want string }{
		{"package p\nvar v int\nfunc f() { v = 1 }", "variable v is changed"},
		{"package p\nvar v int\nfunc f() { v++ }", "variable v is changed"},
		{"package p\nvar v = map[int]int{}\nfunc f() { v[1] = 1 }", "variable v is changed"},
		{"package p\nvar v *struct{ n int }\nfunc f() { (*v).n = 1 }", "variable v is changed"},
		{"package p\nvar v int\nfunc f() { for v = range 3 { } }", "variable v is changed"},
		{"package p\nvar V int", "anybody can change V"},
	} {
		files, info := parseOne(t, c, tt.source), newInfo()
		report(t, c.check(files, info, false))
		mustComplain(t, checkVariables(c.fset, files, info), tt.want)
	}
}
