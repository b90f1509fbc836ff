package main

import (
	"context"
	"errors"
	"strings"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// A contract is what the suite asks of a server. reference.mjs is the same on
// Node's own server: a change here is a change there.
type contract struct {
	io      *socketio.Server
	endings endings
}

type auth struct {
	Token string `json:"token"`
	Name  string `json:"name"`
}

func newContract(io *socketio.Server) {
	c := &contract{io: io, endings: endings{left: map[string]chan ending{}}}
	io.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
		var a auth
		if err := s.Handshake().BindAuth(&a); err != nil {
			return nil, err
		}
		if a.Token == "" { // the older clients' way
			a.Token = s.Handshake().Query.Get("token")
		}
		switch a.Token {
		case "forbidden":
			return nil, &socketio.Error{Message: "not allowed", Data: map[string]any{"code": 403, "field": "token"}}
		case "broken":
			return nil, errors.New("the database's password is wrong")
		}
		return ctx, nil
	})
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		c.endings.remember(s)
		if s.Recovered() {
			return nil
		}
		s.SetData(new(sequence))
		return s.Emit("hello", map[string]string{"id": s.ID()})
	})
	identity(io.Namespace)
	echoes(io)
	c.acks()
	sequences(io)
	c.rooms()
	c.ends()
	c.chat()
	recovery(io)
	c.retries()
}

func (c *contract) chat() {
	chat := c.io.Of("/chat")
	chat.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
		var a auth
		if err := s.Handshake().BindAuth(&a); err != nil || a.Name == "" {
			return nil, &socketio.Error{Message: "a name is needed"}
		}
		if a.Token == "forbidden" {
			return nil, &socketio.Error{Message: "not allowed", Data: map[string]any{"code": 403, "field": "token"}}
		}
		return ctx, nil
	})
	chat.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		c.endings.remember(s)
		return nil
	})
	identity(chat)
	socketio.OnWithAck(chat, "join", join)
	type shout struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}
	socketio.On(chat, "shout", func(_ context.Context, s *socketio.Socket, m shout) error {
		var a auth
		if err := s.Handshake().BindAuth(&a); err != nil {
			return err
		}
		return chat.To(m.Room).Emit("shouted", map[string]string{"name": a.Name, "text": m.Text})
	})
}

func identity(n *socketio.Namespace) {
	socketio.OnWithAck(n, "whoami", func(_ context.Context, s *socketio.Socket, _ socketio.None) (map[string]any, error) {
		auth := map[string]any{}
		if err := s.Handshake().BindAuth(&auth); err != nil {
			return nil, err
		}
		return map[string]any{
			"id": s.ID(), "nsp": s.Namespace().Name(), "auth": auth,
			"lang": strings.Join(s.Handshake().Query["lang"], ","), "transport": s.Conn().Transport(),
		}, nil
	})
}

// arguments decodes all that came with an event, whatever it is.
func arguments(e *socketio.Event) ([]any, error) {
	args := make([]any, e.Len())
	dst := make([]any, len(args))
	for i := range args {
		dst[i] = &args[i]
	}
	return args, e.Bind(dst...)
}

func (c *contract) acks() {
	socketio.OnWithAck(c.io, "fail", func(_ context.Context, _ *socketio.Socket, kind string) (any, error) {
		if kind == "known" {
			return nil, &socketio.Error{Message: "no such order", Data: map[string]int{"id": 7}}
		}
		return nil, errors.New("the database's password is wrong")
	})
	c.io.OnEvent("silent", func(context.Context, *socketio.Event) error { return nil })

	type ask struct {
		Question any `json:"question"`
		Timeout  int `json:"timeout"` // milliseconds
	}
	socketio.OnWithAck(c.io, "ask", func(ctx context.Context, s *socketio.Socket, a ask) (map[string]any, error) {
		reply, err := socketio.EmitWithAck[any](ctx, s.Timeout(time.Duration(a.Timeout)*time.Millisecond), "question", a.Question)
		if errors.Is(err, context.DeadlineExceeded) {
			return map[string]any{"error": "timeout"}, nil
		}
		return map[string]any{"reply": reply}, err
	})
	type vote struct {
		Room     string `json:"room"`
		Question any    `json:"question"`
		Timeout  int    `json:"timeout"`
	}
	socketio.OnWithAck(c.io, "vote", func(ctx context.Context, _ *socketio.Socket, v vote) (map[string]any, error) {
		room := c.io.To(v.Room).Timeout(time.Duration(v.Timeout) * time.Millisecond)
		replies, err := socketio.EmitWithAckAll[any](ctx, room, "question", v.Question)
		var incomplete *socketio.AckError
		if err != nil && !errors.As(err, &incomplete) {
			return nil, err
		}
		return map[string]any{"replies": replies, "timedOut": err != nil}, nil
	})
}
