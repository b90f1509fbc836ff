package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kawat-go/kawat/internal/seal"
)

// A table keeps the messages that are too long for a notification, or have binary
// data, for as long as nodes may need to read them.
type table struct {
	settings
	patience
	pool *pgxpool.Pool // the node's own
}

func (t table) definition() string {
	return `CREATE TABLE IF NOT EXISTS ` + t.TableName +
		` (id bigserial UNIQUE, created_at timestamptz DEFAULT now(), payload bytea)`
}

// A database is a pool or a connection.
type database interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
}

// prepare makes the table if it is to be made, and looks whether it is there.
func (t table) prepare(ctx context.Context, db database) error {
	if t.CreateTable {
		// One after another, since the server does not make this safe.
		err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", t.TableName); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, t.definition())
			return err
		})
		if err != nil {
			return fmt.Errorf("postgres: cannot make the table %s: %w", t.TableName, err)
		}
	}
	_, err := db.Exec(ctx, "SELECT id, created_at, payload FROM "+t.TableName+" LIMIT 0")
	if codeOf(err) == undefinedTable {
		return fmt.Errorf("postgres: there is no table %s: set Config.CreateTable, or execute %s", t.TableName, t.definition())
	}
	if err != nil {
		return fmt.Errorf("postgres: cannot use the table %s: %w", t.TableName, err)
	}
	return nil
}

// read returns what a row holds. As long as the server cannot be reached, it tries
// again, for a few seconds.
func (t table) read(ctx context.Context, id int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, t.answer)
	defer cancel()
	for {
		payload, err := t.readOnce(ctx, id)
		if err == nil || ctx.Err() != nil || errors.Is(err, errRow) || refused(err) && codeOf(err)[:2] != "53" {
			return payload, err
		}
		select {
		case <-time.After(t.again / 8):
		case <-ctx.Done():
			return nil, err
		}
	}
}

var errRow = errors.New("postgres: a message was not in the table")

func (t table) readOnce(ctx context.Context, id int64) (payload []byte, err error) {
	var size *int64
	row := t.pool.QueryRow(ctx, "SELECT octet_length(payload), CASE WHEN octet_length(payload) <= $2 THEN payload END FROM "+
		t.TableName+" WHERE id = $1", id, t.MaxMessageBytes+seal.Overhead)
	err = row.Scan(&size, &payload)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("%w: row %d was deleted before it was read", errRow, id)
	case err != nil:
		return nil, fmt.Errorf("postgres: cannot read a message from the table: %w", err)
	case size == nil || payload == nil:
		return nil, fmt.Errorf("%w: row %d is empty, or has more than Config.MaxMessageBytes", errRow, id)
	}
	return payload, nil
}

// clean deletes what nobody needs any more, from time to time, until ctx ends.
func (t table) clean(ctx context.Context, logger *slog.Logger) {
	if t.CleanupInterval < 0 {
		return
	}
	ticks := time.NewTicker(t.CleanupInterval)
	defer ticks.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		limited, cancel := context.WithTimeout(ctx, t.CleanupInterval)
		_, err := t.pool.Exec(limited, "DELETE FROM "+t.TableName+" WHERE created_at < now() - $1::bigint * interval '1 microsecond'",
			t.CleanupInterval.Microseconds())
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			logger.Warn("postgres: cannot delete old messages from the table", "table", t.TableName, "error", err)
		}
		failing = err != nil
	}
}
