package emitter_test

import (
	"context"
	"fmt"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/emitter"
)

func ExampleNew() {
	memory := backplane.NewMemory()
	heard := make(chan backplane.Message)
	// Instead of a server with clients:
	node, _ := memory.Join(context.Background(), backplane.Host{Receive: func(m backplane.Message) { heard <- m }})
	node.Open("/")
	defer node.Close()

	e := emitter.New(memory.Publisher(), emitter.Config{})
	defer e.Close()
	if err := e.To("sports").Except("muted").Emit("news", "1:0"); err != nil {
		fmt.Println(err)
	}
	m := <-heard
	fmt.Println(m.Options.Rooms, m.Options.Except, string(m.Data.JSON))
	// Output: [sports] [muted] ["news","1:0"]
}
