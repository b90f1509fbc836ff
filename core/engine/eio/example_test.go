package eio_test

import (
	"fmt"

	"github.com/kawat-go/kawat/core/engine/eio"
)

func ExamplePackets() {
	payload := eio.AppendText(nil, []byte("4hello"))
	payload = eio.AppendBinary(payload, []byte{1, 2, 3})
	fmt.Printf("%q\n", payload)
	for p, err := range eio.Packets(payload) {
		fmt.Printf("%c %q, binary: %v, error: %v\n", p.Type.Digit(), p.Data, p.Binary, err)
	}
	// Output:
	// "4hello\x1ebAQID"
	// 4 "hello", binary: false, error: <nil>
	// 4 "\x01\x02\x03", binary: true, error: <nil>
}
