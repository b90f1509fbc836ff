package scenario

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kawat-go/kawat/bench/internal/load"
	"github.com/kawat-go/kawat/internal/process"
)

// dialling is how many connections are being opened at a time.
const dialling = 64

// A crowd is a number of clients that connect and stay. Scenarios embed it, and
// say what packets mean.
type crowd struct {
	*stage
	clients []load.Client
	opened  int
	wanted  int // when so many are open, the loop stops
}

// Opened implements load.Handler.
func (c *crowd) Opened(*load.Client) {
	if c.opened++; c.opened == c.wanted {
		c.loop.Stop()
	}
}

// Attachment implements load.Handler.
func (c *crowd) Attachment(client *load.Client, data []byte) {
	c.loop.Fail(fmt.Errorf("client %d got an attachment of %d bytes", client.ID, len(data)))
}

// Closed implements load.Handler.
func (c *crowd) Closed(client *load.Client, err error) {
	c.loop.Fail(fmt.Errorf("client %d was closed: %w", client.ID, err))
}

// gather connects clients until n of all are there. Each sends at most outSize bytes
// at once.
func (c *crowd) gather(n, all, outSize int, t load.Transport, h load.Handler) (err error) {
	if c.loop == nil {
		if c.loop, err = load.New(c.Addr, outSize); err != nil {
			return err
		}
		c.loop.Nap = c.Nap
		c.clients = make([]load.Client, all)
	}
	for i := c.opened; i < n; i++ {
		c.clients[i].ID = i
		if err = c.loop.Dial(&c.clients[i], t, h); err != nil {
			return err
		}
		if i+1-c.opened < dialling {
			continue
		}
		c.wanted = i + 2 - dialling
		if err = c.awaitOpened(); err != nil {
			return err
		}
	}
	c.wanted = n
	return c.awaitOpened()
}

// awaitOpened waits until as many are open as are wanted.
func (c *crowd) awaitOpened() error {
	if c.opened >= c.wanted {
		return nil
	}
	stopped, err := c.loop.Run(c.patience)
	if err == nil && !stopped {
		err = fmt.Errorf("after %v, %d of %d clients have connected", c.patience, c.opened, c.wanted)
	}
	return err
}

// unexpected ends the run because of a packet.
func (c *crowd) unexpected(client *load.Client, packet []byte, why string) {
	c.loop.Fail(fmt.Errorf("client %d got %.200q: %s", client.ID, packet, why))
}

// ackID reads the packet's head: what kind it must be of, and the id.
func ackID(packet []byte, head string) (id int, rest []byte, ok bool) {
	if len(packet) < len(head) || string(packet[:len(head)]) != head {
		return 0, nil, false
	}
	n, digits := load.Number(packet[len(head):])
	return int(n), packet[len(head)+digits:], digits > 0
}

func ownCPU() (process.CPU, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return process.CPU{User: time.Duration(u.Utime.Nano()), Sys: time.Duration(u.Stime.Nano())}, err
}
