package house

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A rule says what a package must not reach, however far away. Patterns are import
// paths, with a dot in place of the module's; "/..." stands for all below, too. What
// except names is allowed all the same.
type rule struct {
	who, why      string
	never, except []string
}

var (
	house      = []string{"./..."}
	frameworks = []string{"github.com/gin-gonic/...", "github.com/labstack/...", "github.com/gofiber/..."}
	http       = append([]string{"net/http", "github.com/valyala/...", "github.com/fasthttp/..."}, frameworks...)
)

var rules = []rule{
	{who: "./core/...", never: http, why: "the core knows no HTTP library"},
	{who: "./core/...", never: []string{"./nethttp", "./adapters/...", "./internal/...", "./examples/...", "./e2e/...", "./bench/..."},
		why: "imports point from the hosts to the core"},
	{who: "./core/packet", never: house, why: "a codec knows nothing of what carries its packets"},
	{who: "./core/backplane", never: append([]string{"github.com/go-json-experiment/json/..."}, house...),
		why: "what links nodes knows nothing of what they say"},
	{who: "./core/emitter", never: append([]string{"./..."}, http...), except: []string{"./core/emitter", "./core/packet", "./core/backplane"},
		why: "who only emits has no server"},
	{who: "./codec/msgpack", never: append([]string{"./..."}, http...), except: []string{"./core/packet", "./internal/notepack", "./codec/msgpack"},
		why: "a codec knows nothing of what carries its packets"},
	{who: "./core/internal/expiry", never: house, why: "it is a list with a clock"},
	{who: "./core/internal/quiet", never: house, why: "it is a clock and a counter"},
	{who: "./core/engine/eio", never: house, why: "it is the lowest layer"},
	{who: "./core/engine", never: house, except: []string{"./core/engine/eio", "./core/internal/..."},
		why: "it is of use without Socket.IO"},
	{who: "./core", never: []string{"./core/siotest", "./core/backplane/backplanetest"}, why: "those are for tests"},
	{who: "./internal/echo", never: append([]string{"./..."}, http...), except: []string{"./internal/echo", "./core/backplane"},
		why: "it knows of a log only when its entries come"},
	{who: "./internal/wire", never: append([]string{"./..."}, http...), except: []string{"./internal/wire", "./internal/notepack", "./core/backplane"},
		why: "it is about bytes, whatever carries them"},
	{who: "./internal/notepack", never: append([]string{"./..."}, http...), except: []string{"./internal/notepack"},
		why: "it is about bytes, whatever they mean"},
	{who: "./internal/outbox", never: append([]string{"./..."}, http...), except: []string{"./internal/outbox", "./core/backplane"},
		why: "it is a queue, whatever waits in it"},
	{who: "./internal/membership", never: append([]string{"./..."}, http...), except: []string{"./internal/membership", "./core/backplane"},
		why: "it knows its bus by two functions"},
	{who: "./internal/seal", never: append([]string{"./..."}, http...), except: []string{"./internal/seal"},
		why: "it is about bytes"},
	{who: "./internal/epoll", never: append([]string{"./..."}, http...), except: []string{"./internal/epoll"}, why: "it is about descriptors"},
	{who: "./internal/websocket", never: house, except: []string{"./core/engine/...", "./core/internal/...", "./internal/epoll"},
		why: "it is a connection of the engine's and no more"},
	{who: "./internal/websocket", never: http, why: "the opening handshake is not its business"},
	{who: "./nethttp", never: []string{"./internal/target", "./internal/process", "./internal/hosts", "./internal/adaptertest"}, why: "those are for tests"},
	{who: "./adapters/...", never: []string{"./internal/target", "./internal/process", "./internal/hosts", "./internal/adaptertest"}, why: "those are for tests"},
	{who: "./internal/rfc6455", never: house, why: "what checks the server shares nothing with it"},
	{who: "./internal/host", never: frameworks, why: "it is for all hosts on net/http"},
	{who: "./internal/faultproxy", never: append([]string{"./..."}, http...), except: []string{"./internal/faultproxy"},
		why: "it is about connections, whatever they carry"},
	{who: "./internal/testclient", never: append([]string{"./..."}, http...), except: []string{"./internal/testclient"},
		why: "a client that shares code with the server shares its mistakes"},
	{who: "./nethttp", never: frameworks, why: "nobody pays for a framework that is not in use"},
	{who: "./adapters/gin", never: []string{"github.com/labstack/...", "github.com/gofiber/...", "./adapters/echo", "./adapters/fiber"},
		why: "adapters know one framework"},
	{who: "./adapters/echo", never: []string{"github.com/gin-gonic/...", "github.com/gofiber/...", "./adapters/gin", "./adapters/fiber"},
		why: "adapters know one framework"},
	{who: "./adapters/fiber", never: []string{"github.com/gin-gonic/...", "github.com/labstack/...", "./adapters/gin", "./adapters/echo"},
		why: "adapters know one framework"},
}

// libraries are all that the core may use beside the standard library.
var libraries = []string{"github.com/go-json-experiment/json/..."}

func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, all := strings.CutSuffix(pattern, "/...")
		return path == prefix || all && strings.HasPrefix(path, prefix+"/")
	})
}

// checkImports returns the imports that break a rule.
func checkImports(all map[string]*listed, rules []rule) (complaints []string) {
	for _, p := range all {
		if !p.ours() {
			continue
		}
		for _, r := range rules {
			if !matches(p.local(), []string{r.who}) {
				continue
			}
			for _, dep := range p.Deps {
				if matches(short(dep), r.never) && !matches(short(dep), r.except) {
					complaints = append(complaints, fmt.Sprintf("%s reaches %s: %s", p.local(), short(dep), r.why))
				}
			}
		}
	}
	return complaints
}

// checkLibraries returns what the core uses beyond the libraries.
func checkLibraries(all map[string]*listed, libraries []string) (complaints []string) {
	for _, p := range all {
		if !p.ours() || !matches(p.local(), []string{"./core/..."}) {
			continue
		}
		for _, path := range p.Deps {
			if dep := all[path]; !dep.Standard && !dep.ours() && !matches(path, libraries) {
				complaints = append(complaints, fmt.Sprintf("%s reaches %s, which is not among the core's libraries", p.local(), path))
			}
		}
	}
	return complaints
}

func TestImportsPointOneWay(t *testing.T) {
	all := packages(t)
	for _, r := range rules {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(path string) bool {
			return matches(short(path), []string{r.who})
		}) {
			t.Errorf("there is no package %s for the rule %q", r.who, r.why)
		}
	}
	report(t, checkImports(all, rules))
	report(t, checkLibraries(all, libraries))
}

func TestImportsPointOneWayNegative(t *testing.T) {
	long := func(pattern string) string {
		path := strings.TrimSuffix(pattern, "/...")
		if rest, ours := strings.CutPrefix(path, "."); ours {
			return module + rest
		}
		return path
	}
	for _, r := range rules {
		for _, never := range r.never {
			p := &listed{ImportPath: long(r.who), Deps: []string{long(never)}}
			mustComplain(t, checkImports(map[string]*listed{p.ImportPath: p}, []rule{r}), p.local()+" reaches ")
		}
	}
	all := map[string]*listed{
		"example.com/x":         {ImportPath: "example.com/x"},
		module + "/core/packet": {ImportPath: module + "/core/packet", Deps: []string{"example.com/x"}},
	}
	mustComplain(t, checkLibraries(all, libraries), "core/packet reaches example.com/x")
}
