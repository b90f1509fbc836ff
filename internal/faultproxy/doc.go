// Package faultproxy is a TCP proxy for tests that does to connections what bad
// networks and bad peers do: it cuts them after so many bytes, resets them, lets one
// side end or vanish, slices what it forwards into small pieces, delays and stalls it.
//
// What it does is a [Plan], one for each connection: [Options].Plan chooses it when a
// client connects, and [Conn.Set] changes it while the connection lives. Random
// numbers come from a seed, the connection's number and the direction alone, and are
// used up by the bytes that pass, not by how they arrive: with the same seed, pieces
// end at the same bytes and wait for the same times.
//
// A connection costs two goroutines and, until something larger passes, a kilobyte of
// buffers, so thousands are no matter, apart from their two descriptors each.
package faultproxy
