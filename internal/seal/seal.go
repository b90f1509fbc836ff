// Package seal lets nodes know that what they hear on a bus was said by one of them,
// to those who listen on that channel: whoever has no key can say nothing. It hides
// nothing, and what was said can be said again by who has heard it.
package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// version is the first byte of what is sealed. Neither JSON nor MessagePack of a
// message begins with it.
const version = 1

// macSize is how much of the HMAC is sent.
const macSize = 16

// Overhead is how many bytes a seal adds.
const Overhead = 1 + macSize

// The errors of Open.
var (
	// ErrNotSealed says that what came has no seal, or one of another version.
	ErrNotSealed = errors.New("seal: not sealed: have all nodes a key?")
	// ErrNotAuthentic says that the seal is wrong.
	ErrNotAuthentic = errors.New("seal: not authentic: have all nodes the same key?")
)

// Seal appends a payload, sealed for a channel. Without a key it is the payload.
func Seal(dst, key []byte, channel string, payload []byte) []byte {
	if len(key) == 0 {
		return append(dst, payload...)
	}
	dst = append(dst, version)
	dst = append(dst, mac(key, channel, payload)...)
	return append(dst, payload...)
}

// Open returns the payload that was sealed for a channel: a part of data. Without a
// key it is data.
func Open(key []byte, channel string, data []byte) ([]byte, error) {
	if len(key) == 0 {
		return data, nil
	}
	if len(data) < Overhead || data[0] != version {
		return nil, ErrNotSealed
	}
	payload := data[Overhead:]
	if !hmac.Equal(data[1:Overhead], mac(key, channel, payload)) {
		return nil, ErrNotAuthentic
	}
	return payload, nil
}

// mac says everything with its length, so that a channel cannot end in the payload.
func mac(key []byte, channel string, payload []byte) []byte {
	h := hmac.New(sha256.New, key)
	head := binary.BigEndian.AppendUint64([]byte("kawat\x00\x00\x01"), uint64(len(channel)))
	h.Write(head)
	h.Write([]byte(channel))
	h.Write(payload)
	return h.Sum(nil)[:macSize]
}
