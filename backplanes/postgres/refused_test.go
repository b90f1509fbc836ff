package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/testservers"
)

// A server that has become a standby takes neither LISTEN nor NOTIFY. Nodes wait until
// it is promoted, or another one is: they are not deaf, and what was said is not lost.
func TestServerIsDemoted(t *testing.T) {
	t.Parallel()
	s := testservers.StartPostgres(t)
	b := hurried(quick(Config{Pool: pool(t, s.URL()), CreateTable: true}))
	n, other := join(t, b, "/"), join(t, b, "/")
	meet("/", n, other)
	s.Stop()
	if err := s.Demote(); err != nil {
		t.Fatal(err)
	}
	until(t, "it is noticed", func() bool { return len(n.event(backplane.Down)) > 0 && len(other.event(backplane.Down)) > 0 })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	c := Config{Pool: pool(t, s.URL())}
	for i := range 3 {
		n.publish(event("/", fmt.Sprintf(`["to a standby %d"]`, i)))
	}
	until(t, "LISTEN and NOTIFY are refused", func() bool {
		log := s.Log()
		return strings.Contains(log, "cannot execute LISTEN") && strings.Contains(log, "cannot execute NOTIFY")
	})
	for _, m := range []*member{n, other} {
		if len(m.event(backplane.Up)) > 0 {
			t.Error("the link is said to be back")
		}
	}
	exec(t, c, "SELECT pg_promote()")
	for _, m := range []*member{n, other} {
		until(t, "the link is back", func() bool { return len(m.event(backplane.Up)) == 1 })
	}
	together(t, "promoted", n, other)
	for _, e := range n.event(backplane.Gap) {
		if e.Lost > 0 {
			t.Errorf("the sender has lost %d, and could have sent them later", e.Lost)
		}
	}
	meet("/", n, other)
}

// Where no connection is left, what is in the table is read as soon as there is one.
func TestNoConnectionIsLeft(t *testing.T) {
	c := apart(t)
	checked, err := c.check()
	if err != nil {
		t.Fatal(err)
	}
	all := table{settings: checked, patience: standardPatience, pool: c.Pool}
	if err := all.prepare(t.Context(), c.Pool); err != nil {
		t.Fatal(err)
	}
	role := "role_" + c.ChannelPrefix
	exec(t, c, "CREATE ROLE "+role+" LOGIN CONNECTION LIMIT 0")
	exec(t, c, "GRANT SELECT ON "+c.TableName+" TO "+role)
	exec(t, c, "INSERT INTO "+c.TableName+" (payload) VALUES ('x')")
	all.pool = pool(t, strings.Replace(server(t).URL(), "postgres@", role+"@", 1))
	if _, err := all.readOnce(t.Context(), 1); codeOf(err) != "53300" {
		t.Fatalf("there is a connection: %v", err)
	}
	time.AfterFunc(200*time.Millisecond, func() { exec(t, c, "ALTER ROLE "+role+" CONNECTION LIMIT 9") })
	if got, err := all.read(t.Context(), 1); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

// A statement that takes too long costs the message that it is for.
func TestStatementTakesTooLong(t *testing.T) {
	c := apart(t)
	n := join(t, New(c), "/") // makes the table
	checked, err := c.check()
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	s := &sender{settings: checked, patience: standardPatience, connect: checked.connect, dropped: func(n int, _ error) { lost += n }}
	defer s.close()
	if err := s.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.Exec(t.Context(), "SET statement_timeout = 200"); err != nil {
		t.Fatal(err)
	}
	heard := listen(t, c, checked.channel("/"))
	err = pgx.BeginFunc(t.Context(), c.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "LOCK TABLE "+c.TableName); err != nil {
			return err
		}
		batch := []outgoing{{channel: checked.channel("/"), text: "[1]"},
			{channel: checked.channel("/"), text: `{"uid":"x"`, row: []byte("row")}, {channel: checked.channel("/"), text: "[2]"}}
		done, err := s.send(t.Context(), batch)
		if done != 3 || err != nil || lost != 1 {
			t.Errorf("%d are done with, %d lost: %v", done, lost, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the others come", func() bool { return len(heard.with("[1]")) == 1 && len(heard.with("[2]")) == 1 })
	_ = n.Close()
}

// What answers is no PostgreSQL: its first bytes are no length for which there is room.
func TestSomethingElseAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("$99999999999\r\n"))
			defer c.Close()
		}
	}()
	checked, err := Config{Pool: pool(t, "postgres://postgres@"+l.Addr().String()+"/postgres?sslmode=disable")}.check()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitFor)
	defer cancel()
	own, err := checked.ownPool(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	_, err = checked.connect(ctx)
	for _, err := range []error{err, own.Ping(ctx)} {
		if !errors.As(err, new(*pgproto3.ExceededMaxBodyLenErr)) {
			t.Errorf("%v", err)
		}
	}
}
