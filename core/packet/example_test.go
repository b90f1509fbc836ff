package packet_test

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/packet"
)

func ExampleCodec() {
	type File struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	out, err := packet.JSON().Encode(nil, packet.Outgoing{
		Type:      packet.Event,
		Namespace: "/files",
		ID:        7,
		Event:     "upload",
		Args:      []any{File{"a.txt", []byte("hello")}, jsontext.Value(`{"public":true}`)},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(out.Head))
	for _, data := range out.Attachments {
		fmt.Printf("%q\n", data)
	}
	// Output:
	// 51-/files,7["upload",{"name":"a.txt","data":{"_placeholder":true,"num":0}},{"public":true}]
	// "hello"
}

func ExampleDecoder() {
	decoder := packet.JSON().NewDecoder(packet.Limits{})
	messages := []string{`51-/files,7["upload",{"name":"a.txt","data":{"_placeholder":true,"num":0}}]`, "hello"}
	for i, message := range messages {
		p, complete, err := decoder.Add([]byte(message), i > 0)
		if err != nil {
			panic(err) // close the connection
		}
		if !complete {
			fmt.Println("waits for attachments:", decoder.Pending())
			continue
		}
		var file struct {
			Name string `json:"name"`
			Data []byte `json:"data"`
		}
		if err := p.Args.Bind(0, &file); err != nil {
			panic(err)
		}
		fmt.Printf("%v %s %d %s: %s holds %q\n", p.Type, p.Namespace, p.ID, p.Event, file.Name, file.Data)
	}
	// Output:
	// waits for attachments: true
	// EVENT /files 7 upload: a.txt holds "hello"
}

func ExampleArgs_Bind() {
	p, _, err := packet.JSON().NewDecoder(packet.Limits{}).Add([]byte(`2["chat","lobby",{"text":1}]`), false)
	if err != nil {
		panic(err)
	}
	var room string
	var message struct {
		Text int `json:"text"`
	}
	fmt.Println(p.Args.Bind(0, &room), room)
	fmt.Println(p.Args.Bind(1, &message))
	fmt.Println(p.Args.Bind(2, &message))
	// Output:
	// <nil> lobby
	// <nil>
	// argument 2 is missing: there are 2
}

func ExampleLimits() {
	decoder := packet.JSON().NewDecoder(packet.Limits{Args: 3})
	_, _, err := decoder.Add([]byte(`2["sum",1,2,3]`), false)
	fmt.Println(err)
	// Output: too many arguments
}
