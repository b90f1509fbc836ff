package attack

import (
	"errors"
	"fmt"
	"strings"
)

// The steps in this file are about the attacker's session, and the same over both
// transports.

// says sends packets, together: as one POST, or as frames in one write. Binary is
// written as in a payload, base64 behind a b. In the state "upgrading over WebSocket"
// the first packets travel right behind the one that completes the upgrade.
func says(packets ...string) step {
	return step{fmt.Sprintf("says %.60q", packets), func(a *attacker) error {
		if a.probed && a.state.over == webSocket {
			return a.complete(a.frames(packets))
		}
		return a.emit(packets...)
	}}
}

// hears expects the next packet to match the pattern: see [answer]. Pings are
// answered, and neither they nor noops count.
func hears(pattern string) step {
	return step{"hears " + pattern, func(a *attacker) error {
		p, err := a.packet()
		if err == nil && !found(a.filled(pattern), p) {
			err = fmt.Errorf("%.200q", p)
		}
		return err
	}}
}

// lives expects that the session is alive, after whatever: it joins, if it has not
// yet, and has an event echoed. Nothing else may come before the answers.
func lives() step {
	return step{"lives", func(a *attacker) error {
		a.serial++
		steps := []step{says(fmt.Sprintf(`42%d["echo",%[1]d]`, 90000+a.serial)), hears(fmt.Sprintf("^43%d\\[%[1]d\\]$", 90000+a.serial))}
		if !a.joined {
			steps = append([]step{says("40"), hears(`^40\{"sid":`)}, steps...)
		}
		return a.run(steps...)
	}}
}

// ends expects that the session ends: its WebSocket is closed, or a poll is told so
// and the next one finds no session. No message may come before that.
func ends() step {
	return step{"ends", func(a *attacker) error {
		for {
			p, err := a.packet()
			switch {
			case errors.Is(err, errEnded):
				return nil
			case err != nil:
				return err
			case p != "1":
				return fmt.Errorf("%.200q instead of the end", p)
			}
		}
	}}
}

// kicked is [ends] where messages may come before the end.
func kicked() step {
	return step{"kicked", func(a *attacker) error {
		for {
			if _, err := a.packet(); errors.Is(err, errEnded) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}}
}

// violates sends bytes over the WebSocket of the row's state, which must be closed
// with the code. A session that still polls goes on, another one has ended.
func violates(code int, bytes ...string) step {
	return step{fmt.Sprintf("violates %.60q", strings.Join(bytes, "")), func(a *attacker) error {
		steps := []step{on("ws"), send(bytes...), closes(code)}
		if a.state == upgradingWS {
			steps = append(steps, step{"", func(a *attacker) error { a.probed = false; return nil }}, lives())
		}
		return a.run(steps...)
	}}
}

// aside lets another client, connected over WebSocket, run steps in which {sid} is the
// attacker's.
func aside(steps ...step) step {
	return step{"aside", func(a *attacker) error {
		other := a.twin(connectedWS)
		defer other.hangUp()
		if err := other.enter(); err != nil {
			return err
		}
		other.sid = a.sid
		if err := other.run(steps...); err != nil {
			return fmt.Errorf("%w\n\t%s", err, &other.log)
		}
		return nil
	}}
}

// unheard runs steps, and expects that nothing of what they send reaches the room
// "{sid}", which an honest client is in, and would hear.
func unheard(steps ...step) step {
	return step{"unheard", func(a *attacker) error {
		return a.run(aside(says(`421["join","{sid}"]`), hears("431[2]"), says(shout), hears(`42["said","heard"`), lives(),
			check("meanwhile", func(*attacker) error { return a.run(steps...) }), lives()))
	}}
}

// shout is an event that [unheard] would hear.
const shout = `42["say","{sid}","heard"]`
