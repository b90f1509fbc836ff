package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func Example() {
	io, err := socketio.New(socketio.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer io.Close()
	socketio.On(io, "chat", func(_ context.Context, s *socketio.Socket, text string) error {
		return s.Broadcast().Emit("chat", text)
	})

	// Instead of an HTTP server and browsers:
	ada, bob := siotest.Dial(nil, io, siotest.Options{}), siotest.Dial(nil, io, siotest.Options{})
	ada.Emit("chat", "hello")
	fmt.Println(siotest.Expect[string](bob, "chat"))
	// Output: hello
}

func ExampleNew() {
	_, err := socketio.New(socketio.Config{PingInterval: -1})
	fmt.Println(err)
	io, err := socketio.New(socketio.Config{AllowedOrigins: []string{"https://app.example"}})
	fmt.Println(io.Engine().Path(), err)
	// Output:
	// engine: Config.PingInterval must not be negative; leave it 0 for the default
	// /socket.io <nil>
}

func ExampleOn() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	type Move struct {
		X int `json:"x"`
		Y int `json:"y"`
	}
	moved := make(chan Move)
	remove := socketio.On(io, "move", func(_ context.Context, _ *socketio.Socket, m Move) error {
		moved <- m
		return nil
	})
	defer remove()

	client := siotest.Dial(nil, io, siotest.Options{})
	client.Emit("move", map[string]int{"x": 3, "y": 4})
	fmt.Println(<-moved)
	// Output: {3 4}
}

func ExampleOnWithAck() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	socketio.OnWithAck(io, "divide", func(_ context.Context, _ *socketio.Socket, n [2]int) (int, error) {
		if n[1] == 0 {
			return 0, &socketio.Error{Message: "division by zero"}
		}
		return n[0] / n[1], nil
	})

	client := siotest.Dial(nil, io, siotest.Options{})
	fmt.Println(siotest.Call[int](client, "divide", []int{6, 3}))
	fmt.Println(string(client.EmitWithAck("divide", []int{6, 0}).Raw(0)))
	// Output:
	// 2
	// {"error":{"message":"division by zero"}}
}

func ExampleNamespace_Use() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	type userKey struct{}
	io.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().BindAuth(&auth); err != nil {
			return nil, err
		}
		if auth.Token != "secret" {
			return nil, &socketio.Error{Message: "unauthorized", Data: map[string]int{"code": 401}}
		}
		return context.WithValue(ctx, userKey{}, "ada"), nil
	})
	socketio.OnWithAck(io, "whoami", func(ctx context.Context, _ *socketio.Socket, _ socketio.None) (string, error) {
		return ctx.Value(userKey{}).(string), nil
	})

	ada := siotest.Dial(nil, io, siotest.Options{Auth: map[string]string{"token": "secret"}})
	fmt.Println(siotest.Call[string](ada, "whoami"))
	stranger := siotest.Open(nil, io, siotest.Options{})
	var refusal *siotest.Refusal
	if errors.As(stranger.Connect(), &refusal) {
		fmt.Println(refusal.Message, string(refusal.Data))
	}
	// Output:
	// ada
	// unauthorized {"code":401}
}

func ExampleNamespace_To() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	socketio.OnWithAck(io, "join", func(_ context.Context, s *socketio.Socket, room string) (bool, error) {
		return true, s.Join("room:" + room) // the prefix keeps clients out of others' own rooms
	})

	ada, bob := siotest.Dial(nil, io, siotest.Options{}), siotest.Dial(nil, io, siotest.Options{})
	siotest.Call[bool](ada, "join", "go")
	siotest.Call[bool](bob, "join", "go")
	siotest.Call[bool](bob, "join", "muted")
	_ = io.To("room:go").Except("room:muted").Emit("news", "to ada")
	_ = io.To("room:go").Emit("news", "to both")
	fmt.Println(siotest.Expect[string](ada, "news"))
	fmt.Println(siotest.Expect[string](bob, "news"))
	// Output:
	// to ada
	// to both
}

func ExampleEmitWithAck() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	socketio.OnWithAck(io, "greet me", func(ctx context.Context, s *socketio.Socket, _ socketio.None) (string, error) {
		name, err := socketio.EmitWithAck[string](ctx, s, "your name?") // a handler may wait for its client
		return "hello " + name, err
	})

	client := siotest.Dial(nil, io, siotest.Options{})
	client.On("your name?", func(e siotest.Event) { e.Ack("ada") })
	fmt.Println(siotest.Call[string](client, "greet me"))
	// Output: hello ada
}

func ExampleEmitWithAckAll() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	for i := range 3 {
		client := siotest.Dial(nil, io, siotest.Options{})
		if i > 0 {
			client.On("vote", func(e siotest.Event) { e.Ack(i) })
		} else {
			client.On("vote", func(siotest.Event) { client.Close() })
		}
	}
	votes, err := socketio.EmitWithAckAll[int](context.Background(), io, "vote", "tea?")
	slices.Sort(votes)
	fmt.Println(votes)
	fmt.Println(err)
	// Output:
	// [1 2]
	// socketio: 2 of 3 receivers acknowledged: socketio: socket disconnected
}

type note struct {
	Text string `json:"text"`
}

// What client and server have agreed on, in one place.
const (
	noted = socketio.Message[note]("noted")
	save  = socketio.Request[note, int]("save")
)

func ExampleMessage() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	noted.On(io, func(_ context.Context, s *socketio.Socket, n note) error {
		n.Text += ", noted"
		return noted.Emit(s, n)
	})

	client := siotest.Dial(nil, io, siotest.Options{})
	client.Emit("noted", note{"milk"})
	fmt.Println(siotest.Expect[note](client, "noted").Text)
	// Output: milk, noted
}

func ExampleRequest() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	save.On(io, func(_ context.Context, _ *socketio.Socket, n note) (int, error) { return len(n.Text), nil })

	client := siotest.Dial(nil, io, siotest.Options{})
	fmt.Println(siotest.Call[int](client, "save", note{"milk"}))

	client.On("save", func(e siotest.Event) { e.Ack(42) }) // either side can be the one that asks
	number, err := save.Call(context.Background(), io.Socket(client.ID()), note{"eggs"})
	fmt.Println(number, err)
	// Output:
	// 4
	// 42 <nil>
}

func ExampleEvent_Bind() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	io.OnEvent("add", func(_ context.Context, e *socketio.Event) error {
		var a, b int
		if err := e.Bind(&a, &b); err != nil {
			return err
		}
		return e.Ack(a + b)
	})

	client := siotest.Dial(nil, io, siotest.Options{})
	fmt.Println(siotest.Call[int](client, "add", 3, 4))
	// Output: 7
}

func ExampleNamespace_OnAny() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	io.OnAny(func(_ context.Context, e *socketio.Event) { fmt.Println("in:", e.Name(), e.Len()) })
	io.OnAnyOutgoing(func(_ context.Context, e *socketio.OutgoingEvent) { fmt.Println("out:", e.Name, e.Args) })
	socketio.OnWithAck(io, "say", func(_ context.Context, s *socketio.Socket, text string) (bool, error) {
		return true, s.Send("you said " + text)
	})

	client := siotest.Dial(nil, io, siotest.Options{})
	client.EmitWithAck("say", "hello")
	// Output:
	// in: say 1
	// out: message [you said hello]
}

func ExampleOnce() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	socketio.Once(io, "first", func(_ context.Context, _ *socketio.Socket, who string) error {
		fmt.Println(who, "was first")
		return nil
	})
	socketio.OnWithAck(io, "done", func(context.Context, *socketio.Socket, socketio.None) (bool, error) { return true, nil })

	client := siotest.Dial(nil, io, siotest.Options{})
	client.Emit("first", "Ani")
	client.Emit("first", "Budi")
	client.EmitWithAck("done")
	// Output: Ani was first
}

func ExampleDeduplicate() {
	io, _ := socketio.New(socketio.Config{})
	defer io.Close()
	type order struct {
		ID, Item string
	}
	io.UseEvent(socketio.Deduplicate(socketio.DedupeConfig{
		ID: socketio.IDFromField("ID"),
		Scope: func(s *socketio.Socket) string { // a secret of the client's, which it keeps
			var auth struct{ Client string }
			_ = s.Handshake().BindAuth(&auth)
			return auth.Client
		},
	}))
	orders := 0
	socketio.OnWithAck(io, "order", func(_ context.Context, _ *socketio.Socket, o order) (int, error) {
		orders++
		fmt.Println("made:", o.Item)
		return orders, nil
	})

	client := siotest.Dial(nil, io, siotest.Options{Auth: map[string]string{"Client": "6f1c"}})
	lamp := order{ID: "a1", Item: "a lamp"}
	fmt.Println(siotest.Call[int](client, "order", lamp))
	client.Abort() // suppose that the ack was lost
	_ = client.Reconnect()
	fmt.Println(siotest.Call[int](client, "order", lamp))
	// Output:
	// made: a lamp
	// 1
	// 1
}
