// Package postgres links servers through PostgreSQL, by LISTEN and NOTIFY, in the
// format of Node's @socket.io/postgres-adapter, so that servers of both kinds can be in
// one cluster:
//
//	pool, err := pgxpool.New(ctx, "postgres://app@db/app")
//	io, err := socketio.New(socketio.Config{
//		Backplane: postgres.New(postgres.Config{Pool: pool, CreateTable: true}),
//	})
//
// A notification has room for 7,999 bytes. What is longer, or has binary data in it,
// goes through a table. What one node says in one namespace comes in order, once at
// most. Notifications are kept for nobody: what is sent while a node's connection is
// cut is lost to that node, and the host is told of the gap.
//
// Two nodes that are not to hear of one another have different prefixes of channels
// and different tables, or different databases. NOTIFY reaches neither another database
// nor a standby.
package postgres
