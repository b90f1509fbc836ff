// Package redis links servers through Redis, in the formats of Node's adapters, so
// that servers of both kinds can be in one cluster:
//
//   - [Classic] speaks as createAdapter of @socket.io/redis-adapter does, over
//     PUBLISH; it works with every Redis, and its kin;
//   - [Sharded] as createShardedAdapter does, over SPUBLISH, which spreads the load
//     over the nodes of a Redis Cluster; for Redis 7 and later;
//   - [Streams] as createAdapter of @socket.io/redis-streams-adapter does, over streams
//     that are kept for a while, so that nothing is lost while a connection is cut, and
//     clients can go on with another server; for Redis 5 and later.
//
// The client is go-redis' own, whether that is for a single server, for Sentinel or
// for a Cluster:
//
//	client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:6379"})
//	server, err := socketio.New(socketio.Config{
//		Backplane: redis.Classic(redis.Config{Client: client}),
//	})
//
// Redis' pub/sub keeps nothing: what is sent while a node's connection is cut is lost
// to that node. The host is told of the gap. A stream keeps the last StreamsConfig.MaxLen
// messages, about.
package redis
