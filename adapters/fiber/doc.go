// Package siofiber serves Socket.IO, or plain Engine.IO, from a Fiber application.
//
//	app := fiber.New(fiber.Config{ReadTimeout: 20 * time.Second, WriteTimeout: 10 * time.Second})
//	siofiber.Mount(app, io)
//	siofiber.Mount(app.Group("/v1", authRequired), io, siofiber.Locals("user"))
//
// [Mount] is for an application or a group, [Handler] for a route of your own, and
// [Middleware], for app.Use, serves io's path and lets all else pass.
//
// Fiber reuses a request's memory, and the session outlives its requests. What a
// middleware has put in c.Locals reaches the session by [Locals]:
//
//	user, ok := socketio.Value[User](s, "user")
//
// [WithContext] does the same for a context.Context; the default is
// c.UserContext(), never c.Context().
//
// # Settings
//
//   - ReadTimeout: set it. fasthttp reads a body, or the first 8 KB of one with
//     StreamRequestBody, before any handler runs, and waits for it as long as this
//     says; zero means forever. Polls hang as long as they like all the same.
//   - WriteTimeout: set it, too. It bounds how long a client may take to accept the
//     response to a poll; a WebSocket has Config.WriteTimeout.
//   - BodyLimit: at least Config.MaxPayload, which is so by default.
//   - Prefork: the processes share no sessions, like nodes behind a balancer that
//     does not stick. Clients must use WebSocket only, and rooms need a backplane.
//
// # Shutdown
//
// Fiber's shutdown waits for polls that hang and does not know of WebSockets. So
// first end the sessions, then the server:
//
//	err := errors.Join(io.Shutdown(ctx), app.ShutdownWithContext(ctx))
//
// Where other servers take over, io.Drain comes before that.
//
// fasthttp does not notice that a client has gone away while its poll hangs. Such
// a session ends by its heartbeat.
//
// # Middleware
//
//   - logger and recover fit. A WebSocket is logged once, with status 101, when it
//     begins.
//   - cors fits: its headers stand. It must come before an authentication
//     middleware, because preflight requests carry no credentials. Origins are
//     checked against Config.AllowedOrigins in any case, so list them there, too.
//   - compress and etag fit. cache must not see Socket.IO's path: use its Next.
//   - timeout.NewWithContext fits: its deadline does not hold for polls and sessions.
//     timeout.New, deprecated and full of races, does not.
//   - WebSocket does not work through an adaptor from net/http, which leaves the
//     connection behind. Such requests are answered with status 501, by a
//     *fiber.Error.
package siofiber
