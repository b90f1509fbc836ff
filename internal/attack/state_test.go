package attack

import (
	"fmt"
	"regexp"
	"slices"
)

// A state is where an attacker's session stands when a row begins, and what the row
// goes over.
type state struct{ phase, over string }

const (
	polling   = "polling"
	webSocket = "websocket"
)

// In the first state there is nothing but the server's address. A fresh session has
// been opened, a connected one has joined the main namespace, and an upgrading one
// polls, has joined, and has a WebSocket that has been answered "3probe".
var (
	bare          = state{"bare", "tcp"}
	freshPoll     = state{"fresh", polling}
	freshWS       = state{"fresh", webSocket}
	connectedPoll = state{"connected", polling}
	connectedWS   = state{"connected", webSocket}
	upgradingPoll = state{"upgrading", polling}
	upgradingWS   = state{"upgrading", webSocket}
)

// Sets of states for rows.
var (
	nowhere    = []state{bare}
	polls      = []state{freshPoll, connectedPoll, upgradingPoll}
	webSockets = []state{freshWS, connectedWS, upgradingWS}
	sessions   = slices.Concat(polls, webSockets)
	everywhere = slices.Concat(nowhere, sessions)
	connected  = []state{connectedPoll, connectedWS}
	// joined are those whose session has joined the main namespace.
	joined = []state{connectedPoll, connectedWS, upgradingPoll, upgradingWS}
)

func (s state) String() string { return s.phase + "-" + s.over }

var sidPattern = regexp.MustCompile(`\\?"sid\\?":\\?"([^"\\]+)`)

// enter brings the attacker's session into its state.
func (a *attacker) enter() error {
	if a.state == bare {
		return nil
	}
	var open string
	var err error
	if a.state.over == webSocket && a.state.phase != "upgrading" && !a.shared() {
		a.over, a.cur = webSocket, "ws"
		if err = a.openWebSocket(wsPath); err == nil {
			open, err = a.packet()
		}
	} else {
		a.over = polling
		open, err = a.api(get(pollPath))
	}
	over := a.over
	if a.opened(open); a.sid == "" {
		return fmt.Errorf("no session: %q, %w", open, err)
	}
	if a.over = over; a.shared() && a.state.over == webSocket && a.state.phase != "upgrading" {
		if err := a.move(); err != nil {
			return err
		}
	}
	if a.state.phase == "fresh" {
		return nil
	}
	if err := a.run(says("40"), hears(`^40\{"sid":`)); err != nil || a.state.phase == "connected" {
		return err
	}
	return a.probe()
}

// probe opens a WebSocket beside the session that polls, and has its ping answered.
func (a *attacker) probe() error {
	cur := a.cur
	a.cur = "ws"
	if err := a.openWebSocket(wsPath + "&sid={sid}"); err != nil {
		return err
	}
	if err := a.run(send(text("2probe")), message("3probe")); err != nil {
		return err
	}
	a.probed = true
	if a.state.over != webSocket {
		a.cur = cur
	}
	return nil
}

// move has a WebSocket take over the session that polls.
func (a *attacker) move() error {
	if err := a.probe(); err != nil {
		return err
	}
	return a.complete("")
}

// openWebSocket has the opening handshake done on the wire "ws".
func (a *attacker) openWebSocket(path string) error {
	return a.run(on("ws"), send(upgrade(path)), answer(101, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), on(a.cur))
}

// complete lets the WebSocket take over, with the bytes of frames right behind.
func (a *attacker) complete(frames string) error {
	a.over, a.probed = webSocket, false
	return a.run(on("ws"), send(text("5")+frames))
}
