package engine

import (
	"context"
	"log/slog"

	"github.com/kawat-go/kawat/core/internal/quiet"
)

// A guardedLog is the handler of Config.Logger, which is the user's code as well:
// what goes wrong in it hurts nobody but the line that it was to log. It is counted,
// and nothing more can be said about it.
type guardedLog struct {
	slog.Handler
	panics *quiet.Panics
}

// Enabled implements [slog.Handler].
func (g guardedLog) Enabled(ctx context.Context, level slog.Level) bool {
	defer g.recovered()
	return g.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler]. The handler has a goroutine of its own, which it
// may end; the server's would be missed.
func (g guardedLog) Handle(ctx context.Context, record slog.Record) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		returned := false
		defer func() {
			if v := recover(); v != nil || !returned {
				g.panics.Unsaid()
			}
		}()
		err = g.Handler.Handle(ctx, record)
		returned = true
	}()
	<-done
	return err
}

func (g guardedLog) recovered() {
	if v := recover(); v != nil {
		g.panics.Unsaid()
	}
}

// WithAttrs implements [slog.Handler].
func (g guardedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	g.Handler = g.Handler.WithAttrs(attrs)
	return g
}

// WithGroup implements [slog.Handler].
func (g guardedLog) WithGroup(name string) slog.Handler {
	g.Handler = g.Handler.WithGroup(name)
	return g
}
