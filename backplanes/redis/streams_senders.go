package redis

import (
	"strings"

	"github.com/kawat-go/kawat/core/backplane"
)

// senders are who has written entries: by them, entries that were written twice are
// known, and those that are lost. The map is kept small.
type senders map[string]*sender

type sender struct {
	name   string
	number uint64           // of its last entry
	last   backplane.Offset // the entry
}

// maxSenders is how many senders are known at most, and forgetAfter for how many
// milliseconds of the stream's time one that writes nothing is.
const (
	maxSenders  = 10_000
	forgetAfter = 10 * 60 * 1000
)

// met notes an entry. It reports whether it was read before, under another id, and
// whether others of its sender were lost between it and the last one.
func (all senders) met(who []byte, number uint64, at backplane.Offset) (repeated, lost bool) {
	known := all[string(who)]
	if known == nil {
		all.prune(at)
		known = &sender{name: strings.Clone(string(who))}
		all[known.name] = known
	}
	known.last = at
	if number <= known.number {
		return true, false
	}
	lost = known.number > 0 && number != known.number+1
	known.number = number
	return false, lost
}

// name returns the name of a sender, without making it anew where that can be helped.
func (all senders) name(who []byte) string {
	if known := all[string(who)]; known != nil {
		return known.name
	}
	return string(who)
}

// prune makes room for another one.
func (all senders) prune(now backplane.Offset) {
	if len(all) < maxSenders {
		return
	}
	for name, s := range all {
		if s.last.Major+forgetAfter < now.Major {
			delete(all, name)
		}
	}
	if len(all) >= maxSenders {
		clear(all)
	}
}
