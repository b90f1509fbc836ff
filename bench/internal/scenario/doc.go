// Package scenario has what is measured: each scenario connects clients to a server,
// has them do one thing, checks every answer, and says what it cost the server.
//
// It runs on Linux only, as the load generator does.
package scenario
