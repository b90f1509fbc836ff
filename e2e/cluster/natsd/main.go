// Command natsd is a NATS server with JetStream, for the tests.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kawat-go/kawat/backplanes/nats/embedded"
)

func main() {
	port := flag.Int("port", 0, "where clients connect to, on 127.0.0.1")
	dir := flag.String("dir", "", "where streams are kept")
	flag.Parse()
	server, err := embedded.Start(embedded.Config{Listen: fmt.Sprintf("127.0.0.1:%d", *port), Dir: *dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	<-end
	server.Close()
}
