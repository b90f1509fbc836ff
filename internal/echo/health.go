package echo

import "time"

// A health says whether the log keeps up. The zero value but for least and calm says
// that it does.
type health struct {
	bad   bool
	good  time.Time     // since when messages are met in time, while bad; zero if they are not
	since time.Time     // since when it is not bad any more
	calm  time.Duration // how long the log must keep up until it is not bad any more
	least time.Duration
}

// relapse is how soon after its recovery, in units of the least calm, another failure
// shows that this was too early; most is the greatest calm in these units.
const (
	relapse = 30
	most    = 16
)

// wait reports whether a message may wait for its place. If others are behind, it
// may not.
func (h *health) wait(now time.Time, behind bool) bool {
	switch {
	case !h.bad:
		return true
	case behind:
		h.good = time.Time{}
	case !h.good.IsZero() && now.Sub(h.good) >= h.calm:
		h.bad, h.since = false, now
	}
	return !h.bad
}

// met says that a message was met in the log, in time or late.
func (h *health) met(now time.Time, inTime bool) {
	switch {
	case !inTime:
		h.good = time.Time{}
	case h.bad && h.good.IsZero():
		h.good = now
	}
}

// fail says that the log does not keep up.
func (h *health) fail(now time.Time) {
	h.good = time.Time{}
	if h.bad {
		return
	}
	h.bad = true
	if !h.since.IsZero() && now.Sub(h.since) < relapse*h.least {
		h.calm = min(2*h.calm, most*h.least)
	} else {
		h.calm = h.least
	}
}
