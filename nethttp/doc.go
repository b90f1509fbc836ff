// Package nethttp serves Socket.IO, or plain Engine.IO, from a net/http server.
//
//	mux := http.NewServeMux()
//	nethttp.Mount(mux, io)
//	srv := &http.Server{Addr: ":3000", Handler: mux}
//
// [Mount] is for a mux, [Handler] for wherever a handler fits, and [Middleware]
// puts the server in front of an existing handler. Under a prefix, strip it:
//
//	http.Handle("/v1/", auth(http.StripPrefix("/v1", mux)))
//
// With chi, use r.Mount("/socket.io", nethttp.Handler(io)).
//
// What a middleware learnt about the user reaches the session by [Values] or
// [WithContext]. The request itself does not: after an upgrade the handler
// returns at once, and the session goes on without it.
//
// # Shutdown
//
// http.Server.Shutdown waits for polls that hang and does not know of WebSockets.
// So first end the sessions, then the server:
//
//	err := errors.Join(io.Shutdown(ctx), srv.Shutdown(ctx))
//
// Where other servers take over, io.Drain comes before that.
//
// # Middleware
//
//   - http.TimeoutHandler must be within, not around: it buffers responses, cuts
//     polls short and hides the connection from WebSocket. Requests for a WebSocket
//     are then answered with status 501, which names it.
//   - A middleware that wraps the ResponseWriter must have an Unwrap method, or
//     Hijack and the deadline methods of [http.ResponseController].
//   - http.Server's ReadTimeout and WriteTimeout are lifted while a poll hangs.
//     ReadHeaderTimeout and IdleTimeout are welcome.
//   - A CORS middleware's headers stand; without one the server sets its own. An
//     authentication middleware must let OPTIONS requests pass, or come after CORS,
//     because preflight requests carry no credentials. Origins are checked against
//     Config.AllowedOrigins in any case, so list them there, too.
//   - Compression is left to a compressing middleware around this one, if it sets
//     "Vary: Accept-Encoding" before it calls its handler, as they should.
//   - WebSockets need HTTP/1.1, which is what browsers and proxies use for them.
package nethttp
