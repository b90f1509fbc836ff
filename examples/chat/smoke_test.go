package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/examples/chat/app"
	"github.com/kawat-go/kawat/examples/internal/smoke"
)

func serveChat(t *testing.T) string {
	t.Helper()
	client := smoke.Bundle(t)
	return smoke.Serve(t, func(ctx context.Context, ln net.Listener) error {
		site, err := app.New(app.Config{Client: client})
		if err != nil {
			return err
		}
		return site.Serve(ctx, ln)
	})
}

func TestTwoPeopleChat(t *testing.T) {
	url := serveChat(t)
	ani := smoke.Connect(t, url+"/socket.io", nil)
	budi := smoke.Connect(t, url+"/socket.io", nil)

	if got := ani.Call("0", "join", `{"client":"a","name":"Ani","room":"lobby"}`); !strings.Contains(got, `"people":["Ani"]`) {
		t.Error("Ani joined:", got)
	}
	if got := budi.Call("0", "join", `{"client":"b","name":" ","room":"lobby"}`); got != `[{"error":{"message":"Please choose a name."}}]` {
		t.Error("without a name:", got)
	}
	if got := budi.Call("1", "join", `{"client":"b","name":"Budi","room":"lobby"}`); !strings.Contains(got, `"people":["Ani","Budi"]`) {
		t.Error("Budi joined:", got)
	}
	if got := ani.Next(`42["presence",{"room":"lobby","people":["Ani","Budi"]`); !strings.Contains(got, `"came":"Budi"`) {
		t.Error("Ani heard", got)
	}
	budi.Send(`42["typing",true]`)
	if got := ani.Next(`42["typing"`); got != `42["typing",{"room":"lobby","names":["Budi"]}]` {
		t.Error("Ani heard", got)
	}
	if got := ani.Call("1", "send", `{"key":"k1","room":"lobby","text":"halo"}`); !strings.HasPrefix(got, `[{"id":1,"at":`) {
		t.Error("sent:", got)
	}
	if got := budi.Next(`42["post"`); !strings.Contains(got, `"from":"Ani","text":"halo"`) {
		t.Error("Budi heard", got)
	}
}

func TestThePageIsServed(t *testing.T) {
	url := serveChat(t)
	for path, want := range map[string]string{"/": "<title>Kawat chat</title>", "/js/main.js": "Session", "/socket.io/socket.io.min.js": "// the client"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := smoke.Do(t, req, http.StatusOK); !strings.Contains(got, want) {
			t.Errorf("%s: %.80q", path, got)
		}
	}
}

func TestTheEnd(t *testing.T) { smoke.EndsInOrder(t, "/socket.io", nil, "-client", smoke.Bundle(t)) }

func TestAMissingClientIsExplained(t *testing.T) {
	_, err := app.New(app.Config{Client: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "make chat") || !strings.Contains(err.Error(), "npm ci") {
		t.Error(err)
	}
}
