// Package siogin serves Socket.IO, or plain Engine.IO, from a Gin application.
//
//	r := gin.Default()
//	siogin.Mount(r, io)
//	siogin.Mount(r.Group("/v1", authRequired), io, siogin.Values("user"))
//
// [Mount] registers routes, [Handler] is for a route of your own, and
// [Middleware], for r.Use, serves io's path and lets all else pass.
//
// Gin recycles its contexts, and the session outlives its requests. What a
// middleware has put there with c.Set reaches the session by [Values]:
//
//	user, ok := socketio.Value[User](s, "user")
//
// [WithContext] does the same for a context.Context.
//
// # Shutdown
//
// http.Server.Shutdown waits for polls that hang and does not know of WebSockets.
// So first end the sessions, then the server:
//
//	srv := &http.Server{Addr: ":3000", Handler: r}
//	err := errors.Join(io.Shutdown(ctx), srv.Shutdown(ctx))
//
// Where other servers take over, io.Drain comes before that.
//
// # Middleware
//
//   - gin.Logger and gin.Recovery fit. A WebSocket is logged once, with status 101,
//     when it begins.
//   - gin-contrib/cors fits: its headers stand. It must come before an authentication
//     middleware, because preflight requests carry no credentials. Origins are
//     checked against Config.AllowedOrigins in any case, so list them there, too.
//   - gin-contrib/gzip fits, and compresses the polls instead of the engine. But its
//     writer has no deadlines: http.Server's WriteTimeout then cuts polls short, and
//     Config.BodyTimeout does not hold. With a WriteTimeout, exclude the path
//     (gzip.WithExcludedPathsRegexs). A WebSocket behind nginx's "Connection:
//     upgrade" makes it log "response.Write on hijacked connection", which is
//     harmless.
//   - gin-contrib/timeout must not be around Socket.IO: it answers a hanging poll
//     itself, with 408, and the client reconnects. WebSocket works.
//   - http.TimeoutHandler around the whole application keeps WebSocket from working:
//     such requests are answered with status 501, and the log names it.
package siogin
