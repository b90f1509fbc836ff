package nethttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os/signal"
	"strings"
	"syscall"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/nethttp"
)

func Example() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	socketio.On(server, "chat", func(_ context.Context, s *socketio.Socket, text string) error {
		return s.Broadcast().Emit("chat", text)
	})

	mux := http.NewServeMux()
	nethttp.Mount(mux, server)
	srv := &http.Server{Addr: ":3000", Handler: mux, ReadHeaderTimeout: 5 * time.Second}

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
	mux := http.NewServeMux()
	nethttp.Mount(mux, server)

	fmt.Println(handshake(mux, "/socket.io/"))
	fmt.Println(handshake(mux, "/socket.io"))
	// Output:
	// 200 0{"sid":
	// 200 0{"sid":
}

func ExampleHandler() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	mux := http.NewServeMux()
	mux.Handle("/anywhere/", nethttp.Handler(server)) // a client's option: path: "/anywhere/"

	fmt.Println(handshake(mux, "/anywhere/"))
	// Output: 200 0{"sid":
}

func ExampleMiddleware() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	pages := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") })
	app := nethttp.Middleware(server)(pages)

	fmt.Println(handshake(app, "/socket.io/"))
	fmt.Println(handshake(app, "/index"))
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
	nethttp.Mount(http.DefaultServeMux, server, nethttp.Values(func(r *http.Request) map[string]any {
		name, _, _ := r.BasicAuth() // which a middleware has checked
		return map[string]any{"user": name}
	}))
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
