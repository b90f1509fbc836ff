//go:build !race

// Package race says whether the race detector is in a program: it is slow, allocates for
// itself, and makes sync.Pool forget, so tests do not measure under it.
package race

// Enabled reports whether the race detector is in the program.
const Enabled = false
