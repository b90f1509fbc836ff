package siogin_test

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

	"github.com/gin-gonic/gin"

	siogin "github.com/kawat-go/kawat/adapters/gin"
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

	r := gin.Default()
	siogin.Mount(r, server)
	srv := &http.Server{Addr: ":3000", Handler: r, ReadHeaderTimeout: 5 * time.Second}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	go func() {
		if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-stop.Done()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(server.Shutdown(ctx), srv.Shutdown(ctx)); err != nil {
		log.Print(err)
	}
}

func ExampleMount() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	r := gin.New()
	siogin.Mount(r.Group("/v1"), server)

	fmt.Println(handshake(r, "/v1/socket.io/"))
	// Output: 200 0{"sid":
}

func ExampleHandler() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	r := gin.New()
	r.Any("/anywhere/*rest", siogin.Handler(server)) // a client's option: path: "/anywhere/"

	fmt.Println(handshake(r, "/anywhere/"))
	// Output: 200 0{"sid":
}

func ExampleMiddleware() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	r := gin.New()
	r.Use(siogin.Middleware(server))
	r.GET("/index", func(c *gin.Context) { c.String(http.StatusOK, "a page") })

	fmt.Println(handshake(r, "/socket.io/"))
	fmt.Println(handshake(r, "/index"))
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
	r := gin.New()
	accounts := gin.BasicAuth(gin.Accounts{"ann": "secret"}) // sets gin.AuthUserKey, which is "user"
	siogin.Mount(r.Group("/v1", accounts), server, siogin.Values(gin.AuthUserKey))
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
