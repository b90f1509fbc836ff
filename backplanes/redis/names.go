package redis

import "strings"

// names are the channels of a cluster. A namespace begins with a slash, and a prefix
// has no #, so those of different kinds are never the same. Those of one kind may be,
// as of the room "b" in "/a" and of the namespace "/a#b": whoever hears what comes
// there looks at the namespace that the message has.
type names struct{ prefix string }

// main is what all nodes of a namespace hear, and room what those hear that have
// sockets in a room.
func (n names) main(namespace string) string       { return n.prefix + "#" + namespace + "#" }
func (n names) room(namespace, room string) string { return n.main(namespace) + room + "#" }

// pattern is for both, where it is a pattern of Redis.
func (n names) pattern(namespace string) string { return literal(n.main(namespace)) + "*" }

// request and response are for questions and answers, with [Classic].
func (n names) request(namespace string) string  { return n.prefix + "-request#" + namespace + "#" }
func (n names) response(namespace string) string { return n.prefix + "-response#" + namespace + "#" }

// mail is what all nodes of Kawat's hear, or the one of that id. All of them are on
// one server of a Cluster, so that they stay in order.
func (n names) mail(id string) string {
	channel := "{" + n.prefix + "-kawat}#"
	if id != "" {
		channel += id + "#"
	}
	return channel
}

// special are the characters that mean something in a pattern of Redis.
var special = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`)

// literal returns a pattern for a text that stands for itself.
func literal(text string) string { return special.Replace(text) }

// length returns how long JavaScript takes a text to be.
func length(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}
