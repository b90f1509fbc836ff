package siofiber_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/basicauth"

	siofiber "github.com/kawat-go/kawat/adapters/fiber"
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

	app := fiber.New(fiber.Config{ReadTimeout: 20 * time.Second, WriteTimeout: 10 * time.Second})
	siofiber.Mount(app, server)

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	go func() {
		if err := app.Listen(":3000"); err != nil {
			log.Fatal(err)
		}
	}()
	<-stop.Done()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(server.Shutdown(ctx), app.ShutdownWithContext(ctx)); err != nil {
		log.Print(err)
	}
}

func ExampleMount() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	app := fiber.New()
	siofiber.Mount(app.Group("/v1"), server)

	fmt.Println(handshake(app, "/v1/socket.io/"))
	// Output: 200 0{"sid":
}

func ExampleHandler() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	app := fiber.New()
	app.Use("/anywhere", siofiber.Handler(server)) // a client's option: path: "/anywhere/"

	fmt.Println(handshake(app, "/anywhere/"))
	// Output: 200 0{"sid":
}

func ExampleMiddleware() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	app := fiber.New()
	app.Use(siofiber.Middleware(server))
	app.Get("/index", func(c *fiber.Ctx) error { return c.SendString("a page") })

	fmt.Println(handshake(app, "/socket.io/"))
	fmt.Println(handshake(app, "/index"))
	// Output:
	// 200 0{"sid":
	// 200 a page
}

func ExampleLocals() {
	server, err := socketio.New(socketio.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		user, _ := socketio.Value[string](s, "user")
		return s.Join("user:" + user)
	})
	app := fiber.New()
	accounts := basicauth.New(basicauth.Config{
		Users:           map[string]string{"ann": "secret"},
		ContextUsername: "user",
	})
	siofiber.Mount(app.Group("/v1", accounts), server, siofiber.Locals("user"))
}

// handshake shows the answer to a client's first request.
func handshake(app *fiber.App, path string) string {
	res, err := app.Test(httptest.NewRequest("GET", path+"?EIO=4&transport=polling", nil))
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	body, rest, _ := strings.Cut(string(b), `"sid":`)
	if rest != "" {
		body += `"sid":`
	}
	return fmt.Sprint(res.StatusCode, " ", body)
}
