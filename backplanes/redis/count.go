package redis

import "context"

// Redis counts subscriptions, of which it keeps those of a connection whose end it does
// not hear of, for minutes: the machine has lost its power, the process is stopped, or
// has connected anew behind a link that was cut without a word. Who waited for answers
// of all that are counted would wait in vain. So each of Kawat's nodes is counted once,
// and not at all if it is not heard of any more.

// mostAsked bounds the nodes that are asked after one by one, mostSilent those that have
// left and may still be counted.
const (
	mostAsked  = 1000
	mostSilent = 1000
)

// fellSilent notes that a node of Kawat's has left.
func (n *node) fellSilent(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.silent) < mostSilent {
		n.silent[id] = struct{}{}
	}
}

// spoke notes that one is heard, again or for the first time.
func (n *node) spoke(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.silent, id)
}

// count returns how many nodes have a namespace open, this one included.
func (n *node) count(ctx context.Context, namespace string) (int, error) {
	nodes := append(n.Nodes(), n.id)
	nodes = nodes[:min(len(nodes), mostAsked)]
	channels := []string{n.format.counted(namespace)}
	for _, id := range nodes {
		channels = append(channels, n.format.private(namespace, id))
	}
	var silent []string
	n.mu.RLock()
	for id := range n.silent {
		silent = append(silent, id)
		channels = append(channels, n.format.private(namespace, id), n.mail(id))
	}
	n.mu.RUnlock()
	counts, err := n.bus.count(ctx, channels...)
	if err != nil {
		return 0, err
	}
	count, there := counts[channels[0]], 0
	for _, id := range nodes {
		c := counts[n.format.private(namespace, id)]
		there += min(c, 1)
		count -= max(c-1, 0)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range silent {
		if _, is := n.silent[id]; !is {
			continue // it was heard meanwhile
		}
		count -= counts[n.format.private(namespace, id)]
		if counts[n.mail(id)] == 0 {
			delete(n.silent, id)
		}
	}
	if n.cfg.Secret != "" { // who does not know it gives no answer that is understood
		return there, nil
	}
	return count, nil
}
