package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf16"

	socketio "github.com/kawat-go/kawat/core"
)

// typed is a value with binary in every place where a Go program may have it.
type typed struct {
	Name  string            `json:"name"`
	Count int               `json:"count"`
	Blob  []byte            `json:"blob"`
	List  [][]byte          `json:"list"`
	Parts map[string][]byte `json:"parts"`
	Inner *inner            `json:"inner"`
}

type inner struct {
	Blob []byte `json:"blob"`
	Note string `json:"note"`
}

func echoes(io *socketio.Server) {
	io.OnEvent("echo", func(_ context.Context, e *socketio.Event) error {
		args, err := arguments(e)
		if err != nil {
			return err
		}
		return e.Socket().Emit("echo", args...)
	})
	io.OnEvent("echo-ack", func(_ context.Context, e *socketio.Event) error {
		args, err := arguments(e)
		if err != nil {
			return err
		}
		return e.Ack(args...)
	})
	socketio.On(io, "echo-volatile", func(_ context.Context, s *socketio.Socket, v any) error {
		return s.Volatile().Emit("echo", v)
	})
	socketio.On(io, "echo-plain", func(_ context.Context, s *socketio.Socket, v any) error {
		return s.Compress(false).Emit("echo", v)
	})
	socketio.OnWithAck(io, "typed", func(_ context.Context, _ *socketio.Socket, v typed) (typed, error) {
		v.Count++
		return v, nil
	})
	type moment struct {
		At time.Time `json:"at"`
	}
	socketio.OnWithAck(io, "moment", func(_ context.Context, _ *socketio.Socket, m moment) (moment, error) { return m, nil })
	socketio.On(io, "nothing", func(_ context.Context, s *socketio.Socket, _ socketio.None) error {
		return s.Emit("nothing")
	})
	socketio.OnWithAck(io, "size", func(_ context.Context, _ *socketio.Socket, v any) (int, error) {
		if blob, ok := v.([]byte); ok {
			return len(blob), nil
		}
		text, _ := v.(string)
		return len(utf16.Encode([]rune(text))), nil // as JavaScript counts
	})
	type order struct {
		Text  int `json:"text"`
		Bytes int `json:"bytes"`
	}
	socketio.On(io, "make", func(_ context.Context, s *socketio.Socket, o order) error {
		if o.Text > 0 {
			return s.Emit("made", strings.Repeat("x", o.Text))
		}
		return s.Emit("made", bytes.Repeat([]byte{7}, o.Bytes))
	})
}

// A sequence checks the numbered events of one socket, whose handlers run one
// after another.
type sequence struct {
	count      int
	firstWrong int // one more than the number, so that the zero value is "none"
}

func sequences(io *socketio.Server) {
	io.OnEvent("seq", func(_ context.Context, e *socketio.Event) error {
		var i int
		var blob []byte
		dst := []any{&i, &blob}
		if err := e.Bind(dst[:e.Len()]...); err != nil {
			return err
		}
		seq, _ := socketio.Data[*sequence](e.Socket())
		right := i == seq.count && (blob == nil || int(binary.BigEndian.Uint32(blob)) == i)
		if !right && seq.firstWrong == 0 {
			seq.firstWrong = i + 1
		}
		seq.count++
		if e.WantsAck() {
			return e.Ack(i)
		}
		return nil
	})
	socketio.OnWithAck(io, "seq-report", func(_ context.Context, s *socketio.Socket, _ socketio.None) (map[string]int, error) {
		seq, _ := socketio.Data[*sequence](s)
		return map[string]int{"count": seq.count, "firstWrong": seq.firstWrong - 1}, nil
	})
	type burst struct {
		From        int `json:"from"`
		N           int `json:"n"`
		BinaryEvery int `json:"binaryEvery"`
	}
	socketio.On(io, "burst", func(_ context.Context, s *socketio.Socket, b burst) error {
		for i := b.From; i < b.From+b.N; i++ {
			args := []any{i}
			if b.BinaryEvery > 0 && i%b.BinaryEvery == 0 {
				args = append(args, map[string][]byte{"blob": binary.BigEndian.AppendUint32(nil, uint32(i))})
			}
			if err := s.Emit("tick", args...); err != nil {
				return err
			}
		}
		return nil
	})
}
