package embedded

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// log hands on what the server has to say. What it says of its everyday life is of
// no interest to the program around it, and told at the level of debugging.
type log struct {
	logger *slog.Logger
	worst  atomic.Pointer[string]
}

func (l *log) last() string {
	if text := l.worst.Load(); text != nil {
		return *text
	}
	return "it did not say why"
}

func (l *log) bad(format string, v []any) string {
	text := fmt.Sprintf(format, v...)
	l.worst.Store(&text)
	return text
}

func (l *log) Noticef(format string, v ...any) {
	l.logger.Debug("nats server", "said", fmt.Sprintf(format, v...))
}

func (l *log) Warnf(format string, v ...any) {
	l.logger.Warn("nats server", "said", fmt.Sprintf(format, v...))
}

// Errorf is told when another server cannot be reached. At the first attempt that is
// what has to be expected, while the servers start one after the other.
func (l *log) Errorf(format string, v ...any) {
	if strings.HasPrefix(format, "Error trying to connect to route") && len(v) > 0 && v[0] == any(1) {
		l.logger.Debug("nats server", "said", fmt.Sprintf(format, v...))
		return
	}
	l.logger.Error("nats server", "said", l.bad(format, v))
}

// Fatalf does not end the process: Start fails, as the server is not ready.
func (l *log) Fatalf(format string, v ...any) {
	l.logger.Error("nats server", "said", l.bad(format, v))
}

func (l *log) Debugf(string, ...any) {}
func (l *log) Tracef(string, ...any) {}
