package nats

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// The subjects. What a namespace's name becomes is never as long as 1 more than a
// multiple of 4, which base64 is not either, so that "kawat" is none.
//
//	<prefix>.<namespace>             for all members of the namespace
//	<prefix>.<namespace>.d           the same, kept by JetStream
//	<prefix>.<namespace>.n.<uid>     for one of them
//	<prefix>.kawat.m                 between Kawat's nodes: who is there
//	<prefix>.kawat.m.<id>            for one of them
//	<prefix>.kawat.s                 between Kawat's nodes: their namespaces
//	<prefix>.kawat.s.<id>            for one of them
//	<prefix>.kawat.session.<key>     sessions, kept by JetStream
const (
	own        = ".kawat"
	kept       = ".d"
	private    = ".n."
	membersOf  = own + ".m"
	statesOf   = own + ".s"
	sessionsOf = own + ".session."
)

// longName is the length in bytes beyond which a name is hashed: servers refuse
// lines of more than 4,096 bytes.
const longName = 200

// token returns what a name, whatever is in it, becomes in a subject: base64url
// without padding. An empty one is "=", and a long one "=" and its hash; neither is
// base64url of anything.
func token(name string) string {
	switch {
	case name == "":
		return "="
	case len(name) > longName:
		sum := sha256.Sum256([]byte(name))
		return "=" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString([]byte(name))
}

// checkPrefix makes sure that a prefix is one or more words that NATS takes literally.
func checkPrefix(prefix string) error {
	bad := len(prefix) > 100
	for word := range strings.SplitSeq(prefix, ".") {
		bad = bad || word == ""
	}
	for _, c := range []byte(prefix) {
		bad = bad || c <= ' ' || c >= 0x7f || c == '*' || c == '>' || c == '$'
	}
	if bad {
		return fmt.Errorf("nats: the prefix %.120q cannot be part of a subject: use letters and digits, up to 100, with dots between", prefix)
	}
	return nil
}

// isUID reports whether a node's id, which another one made up, can be part of a
// subject and leads to that node alone.
func isUID(uid string) bool {
	if uid == "" || len(uid) > 64 {
		return false
	}
	for _, c := range []byte(uid) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
