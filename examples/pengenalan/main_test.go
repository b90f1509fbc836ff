package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
	"github.com/kawat-go/kawat/examples/internal/smoke"
)

func TestEverybodyHears(t *testing.T) {
	io, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = io.Close() })
	one := siotest.Dial(t, io, siotest.Options{})
	two := siotest.Dial(t, io, siotest.Options{Transport: engine.Polling})
	one.Emit("pesan", "halo semua")
	for _, c := range []*siotest.Client{one, two} {
		if got := siotest.Expect[string](c, "pesanBaru"); got != "halo semua" {
			t.Error("heard", got)
		}
	}
}

func TestTheSite(t *testing.T) {
	io, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = io.Close() })
	site := newSite(io, t.TempDir())
	for path, want := range map[string]string{"/": "<html", "/page.js": "pesanBaru", "/socket.io/?EIO=4&transport=polling": `"sid":`} {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %.80q", path, w.Code, w.Body)
		}
	}
}

func TestTheEnd(t *testing.T) {
	client := t.TempDir()
	if err := os.WriteFile(filepath.Join(client, "socket.io.min.js"), []byte("// the client"), 0o600); err != nil {
		t.Fatal(err)
	}
	smoke.EndsInOrder(t, "/socket.io", nil, "-client", client)
}
