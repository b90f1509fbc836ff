package attack

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The steps in this file are about servers of several nodes, which share the sessions of
// their clients. A session is opened at a node by chance, the attacker's home, and all
// that comes after goes to others: over a WebSocket it began by polling.

func (a *attacker) shared() bool { return len(a.target.Addrs) > 1 }

// place returns the address that the wire of that name goes to. Of a session there is a
// wire that goes home, "c"; "d" and WebSockets go to another node than the rest, if there
// are three.
func (a *attacker) place(wire string) string {
	if a.addr != "" {
		return a.addr
	}
	return a.target.Addrs[a.node(wire)]
}

func (a *attacker) node(wire string) int {
	n, away := len(a.target.Addrs), 1
	switch {
	case n == 1 || a.sid == "" || wire == "c":
		return a.home
	case slices.Contains([]string{"d", "ws", "second", "third"}, wire):
		away = 2
	}
	return (a.home + 1 + (away-1)%(n-1)) % n
}

// leaveHome lets go of the wires that a session was opened over.
func (a *attacker) leaveHome() {
	if !a.shared() {
		return
	}
	for name, w := range a.wires {
		_ = w.conn.Close()
		delete(a.wires, name)
	}
}

// tunnelled are rows of other tables, by name, which must come to the same where the
// session is at another node.
func tunnelled(server string, names ...string) (rows []row) {
	all := slices.Concat(pollRows, postRows, bodyRows, oldBodyRows, sidRows, methodRows, handshakeRows, oddRequestRows, upgradeRows,
		frameRows, networkRows, limitRows, packetRows)
	for _, name := range names {
		i := slices.IndexFunc(all, func(r row) bool { return r.name == name })
		if i < 0 {
			panic("there is no row " + name)
		}
		r := all[i]
		r.name, r.on, r.cites = "elsewhere: "+name, server, "T1 "+r.cites
		if r.in == nil {
			r.in = sessions
		}
		rows = append(rows, r)
	}
	return rows
}

// netHTTP are the hosts in which the engine reads bodies. In Fiber a slow one is Fiber's
// own affair, and comes to no other node before it is complete.
var netHTTP = []string{"nethttp", "gin", "echo"}

// onHosts are rows that run on some of the hosts only.
func onHosts(hosts []string, rows []row) []row {
	for i := range rows {
		rows[i].hosts = hosts
	}
	return rows
}

// alike sends each of the requests in two sessions of the row's state, to the node that
// has it and to another one. What is answered must be the same, and what becomes of the
// session.
func alike(requests ...string) step {
	return step{"alike", func(a *attacker) error {
		for _, request := range requests {
			var answers [2]string
			for i, wire := range []string{"c", "d"} {
				one := a.twin(a.state)
				one.home = 0 // which header fields tell of the address is not what this is about
				err := one.enter()
				if err == nil {
					answers[i], err = one.answered(wire, request)
				}
				one.hangUp()
				if err != nil {
					return fmt.Errorf("%.80q: %w\n\t%s", request, err, &one.log)
				}
			}
			if answers[0] != answers[1] {
				return fmt.Errorf("%.80q is answered %q where the session is, and %q elsewhere", request, answers[0], answers[1])
			}
		}
		return nil
	}}
}

var (
	// The date and, where a node no longer waits for a body, because another has
	// answered, that it closes the connection.
	changing = regexp.MustCompile(`(?m)^(Connection: close|Date: .*)\n`)
	anyID    = regexp.MustCompile(`"(sid|pid)":"[^"]+"`)
)

// answered returns the answer to a request, and what becomes of the session, without
// what is never the same.
func (a *attacker) answered(wire, request string) (string, error) {
	if a.over == polling {
		if err := a.emit(`421["echo",1]`); err != nil { // so that no poll waits
			return "", err
		}
	}
	res, err := a.exchange(wire, request)
	if err != nil {
		return "", err
	}
	slices.Sort(res.header)
	text := strings.ReplaceAll(changing.ReplaceAllString(res.text(), ""), a.sid, "{sid}")
	res, err = a.exchange("asks", request0(pollPath+"&sid={sid}"))
	if err != nil {
		return "", err
	}
	return anyID.ReplaceAllString(fmt.Sprintf("%d %s; then %d %s", res.status, text, res.status, res.body), "$1"), nil
}

// request0 is a request that does not touch the session, and is answered at once.
func request0(path string) string { return request("PUT", path) }
