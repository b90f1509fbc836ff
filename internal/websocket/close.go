package websocket

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/kawat-go/kawat/core/engine"
)

// Close codes (RFC 6455, section 7.4.1).
const (
	codeNormal          = 1000
	codeProtocolError   = 1002
	codeNoStatus        = 1005
	codeInvalidPayload  = 1007
	codePolicyViolation = 1008
	codeTooBig          = 1009
)

// A CloseError says that the peer sent a close frame. It is an io.EOF to
// errors.Is.
type CloseError struct {
	Code   int    // 1005 if the frame had none
	Reason string // UTF-8, 123 bytes at most, possibly empty
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("closed by the peer: %d %s", e.Code, e.Reason)
}

// Unwrap returns io.EOF.
func (e *CloseError) Unwrap() error { return io.EOF }

// echo returns the code to answer with, 0 for none.
func (e *CloseError) echo() int {
	if e.Code == codeNoStatus {
		return 0
	}
	return e.Code
}

func protocolError(reason string) *engine.ConnError {
	return &engine.ConnError{Code: codeProtocolError, Reason: reason}
}

func tooBig() *engine.ConnError {
	return &engine.ConnError{Code: codeTooBig, Reason: "Max payload size exceeded"}
}

// Close starts the closing handshake: it sends a close frame with code and reason
// behind whatever WriteFrames is writing, and drops the connection CloseTimeout
// later unless ReadMessages has met the peer's answer before. It does not wait
// for either. Code 0, or one that may not be sent, makes a frame without a code;
// a reason of more than 123 bytes is cut.
//
// It may be called at any time, by any goroutine, more than once: the first call
// counts.
func (c *Conn) Close(code int, reason string) {
	c.startClose(closeBody(code, reason), c.cfg.CloseTimeout)
}

// startClose has a close frame with the payload sent as the last one, and the
// connection dropped when the time is over. It reports false if another close
// frame was first.
func (c *Conn) startClose(payload []byte, timeout time.Duration) bool {
	c.mu.Lock()
	if c.closing.Load() {
		c.mu.Unlock()
		return false
	}
	c.closing.Store(true)
	c.goodbye = payload
	c.closeTimer = time.AfterFunc(timeout, c.Abort)
	c.sendControl()
	return true
}

// closeBody returns a close frame's payload.
func closeBody(code int, reason string) []byte {
	if !sendable(code) {
		return []byte{}
	}
	if len(reason) > maxControl-2 {
		cut := maxControl - 2
		for cut > 0 && !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut]
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}

// sendable reports whether a close frame may carry the code.
func sendable(code int) bool {
	switch code {
	case 1004, codeNoStatus, 1006, 1015:
		return false
	}
	return code >= 1000 && code <= 1014 || code >= 3000 && code <= 4999
}

// parseClose returns a *CloseError, or a *engine.ConnError if the peer's close
// frame is itself a violation.
func parseClose(payload []byte) error {
	if len(payload) == 0 {
		return &CloseError{Code: codeNoStatus}
	}
	if len(payload) == 1 {
		return protocolError("close frame with half a code")
	}
	code, reason := int(binary.BigEndian.Uint16(payload)), payload[2:]
	if !sendable(code) {
		return protocolError("invalid close code")
	}
	if !utf8.Valid(reason) {
		return &engine.ConnError{Code: codeInvalidPayload, Reason: "close reason is not UTF-8"}
	}
	return &CloseError{Code: code, Reason: string(reason)}
}
