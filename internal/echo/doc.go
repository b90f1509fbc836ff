// Package echo gives a node its own messages back in their place among those of
// others, for backplanes that keep a log.
//
// A message that is to be given back waits until the reader meets it in the log. If
// the log is slow, or the link to it is cut, the clients of this node must not
// suffer: the message is given at once then, without an offset, and so are those that
// follow, until the log has kept up for a while. What is met in the log after it was
// given is passed over.
package echo
