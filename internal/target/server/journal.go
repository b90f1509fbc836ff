package main

import (
	"bytes"
	"slices"
	"sync"
)

// A journal keeps the end of what is written to it.
type journal struct {
	mu   sync.Mutex
	kept []byte
}

const journalSize = 4 << 20

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.kept)+len(p) > 2*journalSize {
		j.kept = slices.Delete(j.kept, 0, journalSize)
	}
	j.kept = append(j.kept, p...)
	return len(p), nil
}

func (j *journal) bytes() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.kept)
}
