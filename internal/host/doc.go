// Package host holds what the framework adapters have in common: how a net/http
// request becomes an engine.Request, how a Reply is written, how a connection is
// taken over for a WebSocket, and how to say that it cannot be.
//
// The nethttp, Gin and Echo adapters are this package in their framework's
// words. The Fiber adapter speaks fasthttp and takes only the neutral parts.
package host
