package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// The server's codes for why it does not do what it is told.
const (
	undefinedTable = "42P01"
	readOnly       = "25006" // the transaction, or the server, which is a standby
	limitExceeded  = "54000" // of NOTIFY: its queue is full
	canceled       = "57014" // by statement_timeout, or by somebody
)

// codeOf returns the code of the server's answer, or "".
func codeOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) && len(e.Code) == 5 {
		return e.Code
	}
	return ""
}

// refused reports whether an error is the server's answer to what was sent, and not
// about the connection.
func refused(err error) bool {
	code := codeOf(err)
	switch {
	case code == "" || errors.As(err, new(*pgconn.ConnectError)):
		return false
	case code == canceled:
		return true
	}
	return code[:2] != "57" // the server is ending, or beginning
}

// ofChannel reports whether the server will never hear of a channel, because of its
// name.
func ofChannel(err error) bool {
	code := codeOf(err)
	return code != "" && (code[:2] == "22" || code[:2] == "42")
}

// later reports whether what the server has refused is to be sent later, because the
// server is not as it should be: it has no room, or takes no writes for now.
func (s *sender) later(ctx context.Context, err error, some []outgoing) bool {
	if !refused(err) {
		return false
	}
	switch code := codeOf(err); {
	case code[:2] == "53": // no memory, disk or connection is left
		return true
	case code == limitExceeded:
		return len(some) == 1 && some[0].row == nil
	case code == readOnly:
		return s.onStandby(ctx)
	}
	return false
}

// onStandby reports whether the server is a standby. The next connection may be to one
// that is not.
func (s *sender) onStandby(ctx context.Context) (is bool) {
	ctx, cancel := context.WithTimeout(ctx, s.answer)
	defer cancel()
	if err := s.conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&is); err != nil || is {
		hangUp(s.conn.PgConn())
	}
	return is
}
