package app

import (
	"math"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

const (
	burst     = 8                 // messages that one visitor may send at once
	perSecond = 2                 // how fast the allowance grows back
	refill    = burst / perSecond // seconds until it is whole again
)

// A pace is one visitor's allowance of messages. It belongs to one socket, whose
// events are handled one after another, and needs no lock.
type pace struct {
	left float64
	at   time.Time
}

// spend takes one message from the allowance. The error tells the page how long
// to wait, so that it sends the message again by itself.
func (p *pace) spend(now time.Time) error {
	if p.at.IsZero() || now.Sub(p.at) > refill*time.Second {
		p.left = burst
	} else {
		p.left = math.Min(burst, p.left+now.Sub(p.at).Seconds()*perSecond)
	}
	p.at = now
	if p.left < 1 {
		wait := time.Duration((1 - p.left) / perSecond * float64(time.Second))
		return &socketio.Error{
			Message: "That was quick! Your message follows in a moment.",
			Data:    map[string]int64{"retryAfter": wait.Milliseconds() + 1},
		}
	}
	p.left--
	return nil
}

// MarshalJSON says nothing: how fast somebody may write concerns one chat only.
func (*pace) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }
