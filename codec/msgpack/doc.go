// Package msgpack is the codec of clients with socket.io-msgpack-parser: each
// packet is one binary message in MessagePack, and binary values are a part of it.
// Set both sides to it:
//
//	io, err := socketio.New(socketio.Config{Codec: msgpack.Codec()})
//
//	import parser from "socket.io-msgpack-parser";
//	const socket = io({ parser });
//
// # How Go values travel
//
// By the rules of [packet.JSON], of which the package documentation of
// [github.com/kawat-go/kawat/core/packet] tells: the same json tags, the same
// methods (MarshalJSON, MarshalText and their like), the same zero values, the same
// errors. What is different:
//
//   - A []byte is binary in the packet itself: there are no attachments, and no
//     limit of ten.
//   - A [time.Time] is a Date of JavaScript, in milliseconds; what is finer is cut
//     off, and so is the time zone. It comes back in UTC.
//   - NaN and the infinities are numbers like others.
//   - [packet.Args.Raw] is MessagePack.
//
// # How JavaScript's values arrive
//
// As they do with JSON, whatever is asked for: a Date goes into a time.Time, and
// into a string or an any as the text that JSON would have had. undefined is null,
// also in an object, where JSON leaves the member out. Numbers in an any are
// float64; integers arrive exactly in an int64 or uint64. A type with an
// UnmarshalJSON is given JSON text.
//
// Buffer, ArrayBuffer and, in Node, typed arrays are binary. In browsers, and in
// parts of an ArrayBuffer, notepack.io has gaps: see docs/codecs.md.
package msgpack
