// Package sharing has the tests of nodes that share their clients' sessions: honest
// clients, on every host, behind a proxy that sends each request to another node.
package sharing
