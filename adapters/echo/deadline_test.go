package sioecho_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	sioecho "github.com/kawat-go/kawat/adapters/echo"
	"github.com/kawat-go/kawat/core/engine"
)

// TestContextTimeout: that middleware's deadline is for handlers, not for polls.
func TestContextTimeout(t *testing.T) {
	srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		time.AfterFunc(600*time.Millisecond, func() { _ = s.SendText("late") })
		return engine.Funcs{}
	})
	e := echo.New()
	e.Use(middleware.ContextTimeout(200 * time.Millisecond))
	sioecho.Mount(e, srv)
	site := httptest.NewServer(e)
	defer site.Close()

	target := site.URL + "/engine.io/?EIO=4&transport=polling"
	_, rest, _ := strings.Cut(get(t, target), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	if got := get(t, target+"&sid="+sid); got != "4late" {
		t.Errorf("the poll: %q", got)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
