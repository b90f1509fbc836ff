//go:build unix

package testservers

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// greet connects as a client that asks for encryption, which the server answers with
// one byte before anything else.
func greet(p *Postgres, patience time.Duration) (byte, error) {
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
		return 0, err
	}
	answer := make([]byte, 1)
	_, err = io.ReadFull(c, answer)
	return answer[0], err
}

func answers(t *testing.T, p *Postgres) {
	t.Helper()
	if answer, err := greet(p, postgresTimeout); err != nil || answer != 'N' {
		t.Fatalf("the server answers %q, %v", answer, err)
	}
}

func TestPostgres(t *testing.T) {
	p, err := NewPostgres()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	answers(t, p)

	held, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	p.Pause()
	if _, err := greet(p, 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("while it hangs: %v", err)
	}
	p.Resume()
	answers(t, p)

	p.Stop()
	_ = held.SetReadDeadline(time.Now().Add(postgresTimeout))
	if _, err := io.ReadAll(held); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server that has ended holds a connection")
	}
	if _, err := greet(p, time.Second); err == nil {
		t.Error("the server that was stopped answers")
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	answers(t, p)

	if err := os.WriteFile(p.data()+"/mark", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Pause() // also then it can be ended
	if err := p.Lose(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.data() + "/mark"); err == nil {
		t.Error("the data was not lost")
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	answers(t, p)

	p.Close()
	p.Close()
	if _, err := os.Stat(p.dir); err == nil {
		t.Errorf("%s is still there", p.dir)
	}
}
