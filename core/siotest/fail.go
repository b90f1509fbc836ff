package siotest

import "fmt"

func (l *link) fatalf(format string, args ...any) {
	if l.tb == nil {
		panic(fmt.Sprintf(format, args...))
	}
	l.tb.Helper()
	l.tb.Fatalf(format, args...)
}
