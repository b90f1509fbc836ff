// Package house holds the tests that keep the house in order: which package may
// import which, that everything exported is documented, and that what the
// documents say compiles and leads somewhere. It has no code but its tests.
//
// Each check is a function from what it looks at to complaints, so that a test
// can show it something broken, too: a check that never complains checks nothing.
package house
