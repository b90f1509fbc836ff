// Package testservers starts the servers that link nodes, for tests: on free ports of
// 127.0.0.1, with data that is removed at the end. They end with the test, and with
// the process if that is killed. None is skipped: if a program is missing, the error
// says what to install.
package testservers
