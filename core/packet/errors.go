package packet

import "fmt"

// An Error is what is wrong with a packet that a peer sent. Where the reference
// implementation has a word for it, the text is the reference's.
type Error string

// The errors of a [Decoder]. There is one more, of the form "unknown packet type
// 9".
const (
	ErrInvalidPayload     Error = "invalid payload"
	ErrTooManyAttachments Error = "too many attachments"
	ErrAttachmentCount    Error = "Illegal attachments" // the count in front
	ErrPlaceholder        Error = "illegal attachments" // what refers to them
	ErrUnexpectedText     Error = "got plaintext data when reconstructing a packet"
	ErrUnexpectedBinary   Error = "got binary data when not reconstructing a packet"
	ErrAttachmentBytes    Error = "attachments too large"
	ErrNamespace          Error = "invalid namespace"
	ErrID                 Error = "ack id out of range"
	ErrTooManyArgs        Error = "too many arguments"
	ErrTooDeep            Error = "payload nested too deeply"

	unknownType Error = "unknown packet type "
)

// Error returns the text, without a prefix.
func (e Error) Error() string { return string(e) }

// caught, deferred, turns a panic of the user's code into an error.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic in a method of the value: %v", r)
	}
}
