package msgpack_test

import (
	"context"
	"fmt"

	"github.com/kawat-go/kawat/codec/msgpack"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

func Example() {
	type Photo struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	io, err := socketio.New(socketio.Config{Codec: msgpack.Codec()})
	if err != nil {
		panic(err)
	}
	defer io.Close()
	socketio.OnWithAck(io, "upload", func(_ context.Context, _ *socketio.Socket, p Photo) (string, error) {
		return fmt.Sprintf("%s has %d bytes", p.Name, len(p.Data)), nil
	})

	client := siotest.Dial(nil, io, siotest.Options{Codec: msgpack.Codec()})
	fmt.Println(siotest.Call[string](client, "upload", Photo{"gunung.jpg", make([]byte, 1000)}))
	// Output: gunung.jpg has 1000 bytes
}

func ExampleCodec() {
	out, err := msgpack.Codec().Encode(nil, packet.Outgoing{
		Type: packet.Event, Namespace: "/", ID: packet.NoID, Event: "blob", Args: []any{[]byte{1, 2, 3}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q\n", out.Head)
	// Output: "\x83\xa4type\x02\xa4data\x92\xa4blob\xc4\x03\x01\x02\x03\xa3nsp\xa1/"
}
