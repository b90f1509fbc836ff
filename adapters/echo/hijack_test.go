package sioecho_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	sioecho "github.com/kawat-go/kawat/adapters/echo"
	"github.com/kawat-go/kawat/core/engine"
)

// upgrade sends an upgrade request to an application with the middleware, and
// returns the response and what net/http has logged.
func upgrade(t *testing.T, m echo.MiddlewareFunc) (status int, body, logged string) {
	t.Helper()
	srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(m)
	sioecho.Mount(e, srv)
	var errs bytes.Buffer
	site := httptest.NewUnstartedServer(e)
	site.Config.ErrorLog = log.New(&errs, "", 0)
	site.Start()
	req, _ := http.NewRequest("GET", site.URL+"/engine.io/?EIO=4&transport=websocket", nil)
	req.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	res, err := site.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	if res.StatusCode != http.StatusSwitchingProtocols {
		b, _ = io.ReadAll(res.Body)
	}
	res.Body.Close()
	_ = srv.Close()
	site.Close() // waits for the handler
	return res.StatusCode, string(b), errs.String()
}

// TestErrorAfterHijack: an error of an outer middleware finds the response
// committed, and the connection is left alone.
func TestErrorAfterHijack(t *testing.T) {
	status, _, logged := upgrade(t, func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { return errors.Join(next(c), errors.New("late")) }
	})
	if status != http.StatusSwitchingProtocols || logged != "" {
		t.Errorf("%d, logged %q", status, logged)
	}
}

type unwilling struct{ http.ResponseWriter }

func (unwilling) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("not today")
}

// TestHijackFails: the failure reaches Echo's error handler.
func TestHijackFails(t *testing.T) {
	status, body, _ := upgrade(t, func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Writer = unwilling{c.Response().Writer}
			return next(c)
		}
	})
	if status != http.StatusNotImplemented || !strings.Contains(body, "not today") || !strings.HasPrefix(body, `{"message":"`) {
		t.Errorf("%d %q", status, body)
	}
}
