package postgres

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// The channel of a namespace is "<prefix>#<namespace>", as Node's servers have it. A
// name that the server cannot take, because it is longer than 63 bytes, has a NUL or is
// no text, has a hash in place of the namespace. Node's servers cannot use such a
// namespace at all: their NOTIFY fails, and their LISTEN hears another, shorter name.
// Nodes of Kawat's have two channels more, one for all and one for each node, which
// can be no namespace's: in their names there is no "#" right behind the prefix.

func plain(name string) bool { return utf8.ValidString(name) && !strings.ContainsRune(name, 0) }

func (s settings) channel(namespace string) string {
	name := s.ChannelPrefix + "#" + namespace
	if len(name) <= maxChannel && plain(namespace) {
		return name
	}
	sum := sha256.Sum256([]byte(namespace))
	return s.ChannelPrefix + "-kawat##" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// everybody is the channel that all nodes of Kawat's hear.
func (s settings) everybody() string { return s.ChannelPrefix + "-kawat" }

// private is the channel of one node of Kawat's.
func (s settings) private(id string) string { return s.ChannelPrefix + "-kawat#" + id }

// quote returns a channel's name as an identifier of SQL.
func quote(channel string) string { return `"` + strings.ReplaceAll(channel, `"`, `""`) + `"` }
