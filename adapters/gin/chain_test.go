package siogin_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	siogin "github.com/kawat-go/kawat/adapters/gin"
	"github.com/kawat-go/kawat/core/engine"
)

// TestLastOfChain: what has been answered is not answered by another handler.
func TestLastOfChain(t *testing.T) {
	srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	r := gin.New()
	r.Use(siogin.Middleware(srv))
	r.Any("/*path", func(c *gin.Context) { c.Header("X-Later", "yes") })
	for path, later := range map[string]string{"/engine.io/": "", "/other": "yes"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("GET", path+"?EIO=4&transport=polling", nil))
		if got := w.Header().Get("X-Later"); got != later {
			t.Errorf("%s: %q", path, got)
		}
	}
}
