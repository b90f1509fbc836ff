// Package attack holds tables of bad input, and what must come of it: raw byte
// sequences, sent to a server in a process of its own (package target) on each host,
// in each state that a client's session can be in, with an honest client beside it.
//
// A row of a table says what it is about, where it runs, and its steps, which send
// something or wait for something. After each row an ordinary client must be served.
// Rows against several nodes, which share their clients' sessions, send what is about a
// session to nodes that do not have it. After each table everything must be back to where it was: sessions, goroutines,
// descriptors and heap.
//
//	go test ./internal/attack                                  # all hosts, volumes at a hundredth
//	go test ./internal/attack -scale 1                         # volumes in full; times are judged
//	go test ./internal/attack -run 'TestHTTP/fiber/.*/unknown' # one row, one host
//
// A new row goes into the table of its layer. What is there to send and to expect is
// in steps_test.go, session_steps_test.go and io_steps_test.go.
package attack
