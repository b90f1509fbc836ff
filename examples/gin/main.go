// Command gin is a REST application on Gin that gained Socket.IO in a few lines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	siogin "github.com/kawat-go/kawat/adapters/gin"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/examples/internal/shop"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Orders on Gin: http://" + ln.Addr().String() + "/api/orders")
	if err := serve(ctx, ln); err != nil {
		log.Fatal(err)
	}
}

func newApp(io *socketio.Server, store *shop.Store) *gin.Engine {
	app := gin.New()
	app.Use(gin.Recovery())
	api := app.Group("/api", authenticate)
	api.GET("/orders", func(c *gin.Context) {
		c.JSON(http.StatusOK, store.All())
	})
	api.POST("/orders", func(c *gin.Context) {
		var r shop.OrderRequest
		if err := c.ShouldBindJSON(&r); err != nil {
			c.AbortWithStatus(http.StatusBadRequest)
			return
		}
		order := store.Add(c.MustGet("user").(shop.User), r.Item)
		if err := io.To("orders").Emit("orderMade", order); err != nil { // REST tells the sockets
			log.Println("orderMade:", err)
		}
		c.JSON(http.StatusCreated, order)
	})
	siogin.Mount(api, io, siogin.Values("user")) // Socket.IO, behind the same authentication
	return app
}

func authenticate(c *gin.Context) {
	user, ok := shop.Authenticate(c.GetHeader("Authorization"))
	if !ok {
		c.AbortWithStatus(http.StatusUnauthorized)
		return
	}
	c.Set("user", user)
	c.Next()
}

// events is what Socket.IO adds: the same handlers on every framework. The user
// is the one whom the middleware let in.
func events(io *socketio.Server, store *shop.Store) {
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Join("orders") })
	socketio.OnWithAck(io, "whoami", func(_ context.Context, s *socketio.Socket, _ socketio.None) (shop.User, error) {
		user, _ := socketio.Value[shop.User](s, "user")
		return user, nil
	})
	socketio.OnWithAck(io, "order", func(_ context.Context, s *socketio.Socket, r shop.OrderRequest) (shop.Order, error) {
		user, _ := socketio.Value[shop.User](s, "user")
		order := store.Add(user, r.Item)
		return order, s.To("orders").Emit("orderMade", order)
	})
}

// serve runs the application until ctx ends. Then the clients move away, to the process
// that takes over if there is one; who is left is told; at last HTTP ends.
func serve(ctx context.Context, ln net.Listener) error {
	io, err := socketio.New(socketio.Config{})
	if err != nil {
		return err
	}
	store := new(shop.Store)
	events(io, store)
	server := &http.Server{Handler: newApp(io, store), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return errors.Join(err, io.Close())
	case <-ctx.Done():
	}
	within(1500*time.Millisecond, func(ctx context.Context) error { return io.Drain(ctx, time.Second) })
	within(2*time.Second, io.Shutdown)
	within(time.Second, server.Shutdown)
	return nil
}

// within takes a step of the end, and says what it could not do in time.
func within(d time.Duration, step func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := step(ctx); err != nil {
		log.Print(err)
	}
}
