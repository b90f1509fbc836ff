package sioecho_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	sioecho "github.com/kawat-go/kawat/adapters/echo"
	socketio "github.com/kawat-go/kawat/core"
)

func Example() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	socketio.On(server, "chat", func(_ context.Context, s *socketio.Socket, text string) error {
		return s.Broadcast().Emit("chat", text)
	})

	e := echo.New()
	sioecho.Mount(e, server)

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	go func() {
		if err := e.Start(":3000"); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-stop.Done()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(server.Shutdown(ctx), e.Shutdown(ctx)); err != nil {
		log.Print(err)
	}
}

func ExampleMount() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	e := echo.New()
	sioecho.Mount(e.Group("/v1"), server)

	fmt.Println(handshake(e, "/v1/socket.io/"))
	// Output: 200 0{"sid":
}

func ExampleHandler() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	e := echo.New()
	e.Any("/anywhere/*", sioecho.Handler(server)) // a client's option: path: "/anywhere/"

	fmt.Println(handshake(e, "/anywhere/"))
	// Output: 200 0{"sid":
}

func ExampleMiddleware() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	e := echo.New()
	e.Use(sioecho.Middleware(server))
	e.GET("/index", func(c echo.Context) error { return c.String(http.StatusOK, "a page") })

	fmt.Println(handshake(e, "/socket.io/"))
	fmt.Println(handshake(e, "/index"))
	// Output:
	// 200 0{"sid":
	// 200 a page
}

func ExampleValues() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		user, _ := socketio.Value[string](s, "user")
		return s.Join("user:" + user)
	})
	e := echo.New()
	accounts := middleware.BasicAuth(func(name, password string, c echo.Context) (bool, error) {
		c.Set("user", name)
		return password == "secret", nil
	})
	sioecho.Mount(e.Group("/v1", accounts), server, sioecho.Values("user"))
}

// handshake shows the answer to a client's first request.
func handshake(h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path+"?EIO=4&transport=polling", nil))
	body, _, _ := strings.Cut(w.Body.String(), `"sid":`)
	if body != w.Body.String() {
		body += `"sid":`
	}
	return fmt.Sprint(w.Code, " ", body)
}
