package engine_test

import (
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

func TestWhetherACookieIsSet(t *testing.T) {
	for name, c := range map[string]struct {
		cookie *engine.Cookie
		want   string
	}{
		"off":         {nil, ""},
		"a name":      {&engine.Cookie{Name: "woot"}, "woot=ID; Path=/; HttpOnly; SameSite=Lax"},
		"a path":      {&engine.Cookie{Path: "/custom"}, "io=ID; Path=/custom; HttpOnly; SameSite=Lax"},
		"strict":      {&engine.Cookie{SameSite: "strict"}, "io=ID; Path=/; HttpOnly; SameSite=Strict"},
		"Strict":      {&engine.Cookie{SameSite: "Strict"}, "io=ID; Path=/; HttpOnly; SameSite=Strict"},
		"none":        {&engine.Cookie{SameSite: "None"}, "io=ID; Path=/; HttpOnly; SameSite=None"},
		"no defaults": {&engine.Cookie{Name: "n", Path: "/p", SameSite: "lax"}, "n=ID; Path=/p; HttpOnly; SameSite=Lax"},
	} {
		reply := do(serve(t, engine.Config{Cookie: c.cookie}).Server, "GET", polling, "")
		sid := string(sidPattern.FindSubmatch(reply.Body)[1])
		wantBody(t, name, reply.Header.Get("Set-Cookie"), strings.Replace(c.want, "ID", sid, 1))
	}
}
