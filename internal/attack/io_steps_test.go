package attack

import (
	"fmt"
	"regexp"
	"strings"
)

// The steps in this file are about Socket.IO.

// fresh are the states in which no namespace has been joined.
var fresh = []state{freshPoll, freshWS}

// warmUps are done before the state of a server is noted that it must be back in: the
// runtime keeps what it knows of goroutines, some 400 bytes each, for ever, and maps
// keep their largest size.
var warmUps = map[string][]step{
	"acks": {says(`421["ask",20000]`), awaits(`^431\[`)},
	"rooms": {check("rooms", func(a *attacker) error {
		return a.run(says(fmt.Sprintf(`421["rooms",%d]`, scaled(100_000))), awaits(`^431\[`))
	})},
	"owed": {says(`421["ask",20000]`), awaits(`^431\[`)},
}

// each sends each of the packets in a session of its own, in the row's state; those
// behind an RS, as in a payload, follow in the same write. Each must end its session,
// and nothing may come before the end.
func each(packets ...string) step {
	return step{"each", func(a *attacker) error {
		for _, p := range packets {
			if err := attack(a.target, a.host, a.state, []step{says(split(p)...), ends()}); err != nil {
				return fmt.Errorf("%.100q: %w", p, err)
			}
		}
		return nil
	}}
}

func split(payload string) []string { return strings.Split(payload, "\x1e") }

// besides runs steps in another session.
func besides(in state, steps ...step) step {
	return step{"besides", func(a *attacker) error { return attack(a.target, a.host, in, steps) }}
}

// captures expects the next packet to match the regular expression, and gives its
// groups to what makes the next steps.
func captures(pattern string, then func(a *attacker, groups []string) []step) step {
	return step{"captures " + pattern, func(a *attacker) error {
		p, err := a.packet()
		if err != nil {
			return err
		}
		match := regexp.MustCompile(pattern).FindStringSubmatch(p)
		if match == nil {
			return fmt.Errorf("%.200q", p)
		}
		return a.run(then(a, match[1:])...)
	}}
}

// quiz lets the server ask, and gives the id of the ack to what makes the next steps.
func quiz(then func(a *attacker, id string) []step) step {
	return step{"quiz", func(a *attacker) error {
		return a.run(says(`42["quiz"]`), captures(`^42(\d+)\["question"\]$`, func(a *attacker, groups []string) []step {
			return then(a, groups[0])
		}))
	}}
}
