package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/kawat-go/kawat/examples/internal/smoke"
)

func TestEverybodyHears(t *testing.T) {
	url := smoke.Serve(t, func(ctx context.Context, ln net.Listener) error {
		io, err := newServer()
		if err != nil {
			return err
		}
		server := &http.Server{Handler: newSite(io, t.TempDir())}
		go func() {
			<-ctx.Done()
			_ = io.Close()
			_ = server.Close()
		}()
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	one := smoke.Connect(t, url+"/socket.io", nil)
	two := smoke.Connect(t, url+"/socket.io", nil)
	one.Send(`42["pesan","halo semua"]`)
	for _, c := range []*smoke.Client{one, two} {
		if got := c.Next("42"); got != `42["pesanBaru","halo semua"]` {
			t.Error("heard", got)
		}
	}
}
