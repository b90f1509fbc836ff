// Package sioecho serves Socket.IO, or plain Engine.IO, from an Echo application.
//
//	e := echo.New()
//	sioecho.Mount(e, io)
//	sioecho.Mount(e.Group("/v1", authRequired), io, sioecho.Values("user"))
//
// [Mount] registers routes, [Handler] is for a route of your own, and
// [Middleware], for e.Use, serves io's path and lets all else pass.
//
// Echo recycles its contexts, and the session outlives its requests. What a
// middleware has put there with c.Set reaches the session by [Values]:
//
//	user, ok := socketio.Value[User](s, "user")
//
// [WithContext] does the same for a context.Context.
//
// # Shutdown
//
// Echo.Shutdown waits for polls that hang and does not know of WebSockets. So
// first end the sessions, then the server:
//
//	err := errors.Join(io.Shutdown(ctx), e.Shutdown(ctx))
//
// Where other servers take over, io.Drain comes before that.
//
// # Middleware
//
//   - Logger and Recover fit. A WebSocket is logged once, with status 101, when it
//     begins.
//   - CORS fits: its headers stand. It must come before an authentication
//     middleware, because preflight requests carry no credentials. Origins are
//     checked against Config.AllowedOrigins in any case, so list them there, too.
//   - Gzip fits, and compresses the polls instead of the engine.
//   - ContextTimeout fits: its deadline holds neither for sessions nor for polls.
//   - Timeout, which wraps http.TimeoutHandler, must not be around Socket.IO: it cuts
//     polls short and keeps WebSocket from working. Such requests are answered with
//     status 501, and the log names it. Use its Skipper.
package sioecho
