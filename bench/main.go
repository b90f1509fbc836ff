// Command bench measures Socket.IO servers side by side: Kawat on each host, Node's
// socket.io, and a bare loop.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
