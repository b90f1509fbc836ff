//go:build race

package engine_test

// The race detector allocates for itself, so nothing is measured under it.
const raceEnabled = true
