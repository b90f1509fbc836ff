// Package goroutines counts goroutines, for tests.
package goroutines

import (
	"bytes"
	"regexp"
	"runtime"
)

var bubble = regexp.MustCompile(`synctest bubble \d+`)

// InBubble returns how many goroutines the caller's synctest bubble has.
// [runtime.NumGoroutine] counts those that tests before have left behind, too, and
// those that have ended a moment ago.
func InBubble() int {
	all := make([]byte, 64<<10)
	n := runtime.Stack(all, true)
	for n == len(all) {
		all = make([]byte, 2*len(all))
		n = runtime.Stack(all, true)
	}
	all = all[:n]
	own, _, _ := bytes.Cut(all, []byte("\n")) // the caller comes first
	name := bubble.Find(own)
	if name == nil {
		panic("goroutines: the caller is in no synctest bubble")
	}
	count := 0
	for line := range bytes.Lines(all) {
		if bytes.HasPrefix(line, []byte("goroutine ")) && bytes.Equal(bubble.Find(line), name) {
			count++
		}
	}
	return count
}
