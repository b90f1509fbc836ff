// Package packet implements the packets of Socket.IO protocol 5: what they are,
// the [Codec] that turns them into messages and back, and the codec of all stock
// clients, [JSON].
//
// A packet is one message, followed by one binary message for each binary value
// in it. A message is what Engine.IO carries; this package knows nothing of the
// digit or the frame that Engine.IO puts around it.
//
// # How Go values become JSON
//
// Arguments are encoded by the rules of encoding/json/v2 (here from
// [github.com/go-json-experiment/json]). For those who come from encoding/json:
//
//   - A nil slice is [] and a nil map is {}, which spares JavaScript a check.
//   - omitempty leaves out what is empty in JSON: null, "", [] and {}, but not 0
//     or false; omitzero leaves out those too.
//   - The names of a struct's fields are matched whatever their case, if none
//     matches exactly; but an object with two names that match one field is an
//     error.
//   - Nothing is escaped for HTML. Maps are written in the order of their keys.
//   - A string that is no UTF-8, NaN, an infinity, a cycle and a
//     [time.Duration] are errors.
//   - [encoding/json.RawMessage] and [jsontext.Value] stand for themselves, and so
//     does [encoding/json.Number].
//
// # Binary
//
// A []byte, wherever it is found in an argument, travels as a binary message of
// its own, and so does a value of a named type such as "type Blob []byte". A nil
// one is null, an empty one an empty message. What stays JSON:
//
//   - types with an encoding of their own, by MarshalJSON, MarshalText or their
//     like: nothing in them is looked for. Only a MarshalJSONTo that calls
//     json.MarshalEncode has the []byte it encodes that way treated as binary;
//   - an array [N]byte, which is base64, and slices of a named byte type, which
//     are arrays of numbers.
//
// The other way, an attachment goes into a []byte, a named one, or an any, at any
// depth, in types without an UnmarshalJSON. A []byte takes base64 text and null
// as well. Attachments are not copied for each value that they are bound to: who
// wants to change the bytes copies them.
//
// # How JSON becomes Go values
//
// A [Decoder] checks a packet completely, yet decodes none of its values; that is
// for [Args.Bind], straight into the type that a handler asks for. Text that a
// JavaScript client can produce is never refused, and this includes strings with
// half of a surrogate pair: U+FFFD takes its place. Objects with duplicate names,
// which no client produces, pass the decoder; binding them is an error, and
// [Args.Raw] shows them as they are.
//
// Integers arrive exactly in an int64, a uint64 or an [encoding/json.Number]. In an
// any, numbers are float64, and one that does not fit is an error. An any is also
// the dearest way to bind: many small objects take up to 50 times the memory of
// their text, where a type of the user's own takes what its fields need.
package packet
