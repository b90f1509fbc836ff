//go:build unix

package testservers

import (
	"context"
	"net"
)

// onFreePort starts a server on a port that is free, and tries others where that is taken
// in the meantime.
func onFreePort(port *int, start func() error) (err error) {
	for range 4 {
		if *port, err = freePort(); err == nil {
			err = start()
		}
		if err == nil {
			return nil
		}
	}
	return err
}

func freePort() (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
