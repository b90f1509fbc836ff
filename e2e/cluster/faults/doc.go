// Package faults has the tests of what becomes of a cluster when its bus, or one of
// its nodes, fails: over every backplane, with servers that are real. In their full
// size, with -scale 1, they take some minutes, and want the machine for themselves.
package faults
