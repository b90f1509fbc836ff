package house

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root   = "../.." // of the repository, from this package
	module = "github.com/kawat-go/kawat"
)

// A listed package is what `go list` says of it.
type listed struct {
	ImportPath, Dir, Name, Export string
	GoFiles, Deps                 []string
	Standard                      bool
}

// ours reports whether the package is this module's.
func (p *listed) ours() bool {
	return p.ImportPath == module || strings.HasPrefix(p.ImportPath, module+"/")
}

// local returns the package's import path with a dot in place of the module's.
func (p *listed) local() string { return short(p.ImportPath) }

func short(path string) string {
	if rest, ours := strings.CutPrefix(path, module); ours && (rest == "" || rest[0] == '/') {
		return "." + rest
	}
	return path
}

// list runs `go list` once: the packages of the module, all that they import, and
// what only tests do.
var list = sync.OnceValues(func() (map[string]*listed, error) {
	return listIn(root, "./...", "testing/synctest")
})

// others are the packages of the other modules that documents speak of, by way of one
// that requires them all.
var others = sync.OnceValues(func() (map[string]*listed, error) {
	return listIn(filepath.Join(root, "e2e/cluster"), "./node", module+"/backplanes/nats/embedded")
})

func listIn(dir string, patterns ...string) (map[string]*listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-deps", "-export",
		"-json=ImportPath,Dir,Name,Export,GoFiles,Deps,Standard"}, patterns...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	packages := make(map[string]*listed)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(listed)
		if err := d.Decode(p); err == io.EOF {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages[p.ImportPath] = p
	}
}

func packages(t *testing.T) map[string]*listed {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return all
}

// A checker type-checks source against the packages as they are compiled now.
type checker struct {
	fset     *token.FileSet
	importer types.Importer
}

func newChecker(t *testing.T) *checker {
	all, fset := packages(t), token.NewFileSet()
	more, err := others()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return &checker{fset, importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		p := all[path]
		if p == nil {
			p = more[path]
		}
		if p == nil || p.Export == "" {
			return nil, fmt.Errorf("no package %s that compiles is in use here", path)
		}
		return os.Open(p.Export)
	})}
}

// check returns what is wrong with the files of one package. lenient overlooks
// what is unused, as excerpts of programs have it.
func (c *checker) check(files []*ast.File, info *types.Info, lenient bool) (wrong []string) {
	conf := types.Config{Importer: c.importer, Error: func(err error) {
		if e := (types.Error{}); lenient && errors.As(err, &e) && e.Soft {
			return
		}
		wrong = append(wrong, err.Error())
	}}
	_, _ = conf.Check("checked", c.fset, files, info) // the errors have been collected
	return wrong
}

// parse parses the files of a package.
func (c *checker) parse(t *testing.T, p *listed) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// walk returns the paths, from the root, of the house's own files that have one
// of the extensions.
func walk(t *testing.T, extensions ...string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		if err == nil && d.IsDir() && path != root && (name == "node_modules" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		for _, ext := range extensions {
			if filepath.Ext(name) == ext {
				path, err = filepath.Rel(root, path)
				paths = append(paths, filepath.ToSlash(path))
			}
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("walking %v files: found %d, error %v", extensions, len(paths), err)
	}
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// report fails the test with each of the complaints.
func report(t *testing.T, complaints []string) {
	t.Helper()
	for _, c := range complaints {
		t.Error(c)
	}
}

// mustComplain is the negative control of a check: something of what it says
// about what is broken contains want.
func mustComplain(t *testing.T, complaints []string, want string) {
	t.Helper()
	if !strings.Contains(strings.Join(complaints, "\n"), want) {
		t.Errorf("the check says %q of something broken, want a complaint with %q", complaints, want)
	}
}
