package scenario

import (
	"github.com/kawat-go/kawat/bench/internal/load"
	"github.com/kawat-go/kawat/bench/internal/report"
)

const (
	clients        = 200
	pollingClients = 100
)

// one makes a scenario with a single part.
func one(family, op, name, text string, run func(*stage) error) Scenario {
	return Scenario{Name: name, Parts: []report.Scenario{{Name: name, Family: family, Op: op, Text: text}}, run: run}
}

func polling(s Scenario) Scenario {
	s.Polling = true
	return s
}

// All returns all scenarios, in the order of the report.
func All() []Scenario {
	ws := load.WebSocket
	all := []Scenario{
		{Name: "idle", run: runIdle, Parts: []report.Scenario{
			{Name: "connect", Family: "Connections", Op: "connection", Text: "a WebSocket is opened and \"/\" joined, 64 at a time"},
			{Name: "idle", Family: "Connections", Op: "connection", Text: "memory of connections that do nothing, 5 s after the last was made"},
		}},
		{Name: "heartbeat", run: beating(heartbeat), Args: []string{"-ping-interval", heartbeat.String()}, Parts: []report.Scenario{
			{Name: "heartbeat", Family: "Connections", Op: "heartbeat", Text: "ping and pong of connections that do nothing"},
		}},
		one("Echo", "echo", "echo-1", "200 clients, 1 call in flight each, a string of 64 bytes",
			exchanging(clients, 1, ws, echoCalls("echo"))),
		one("Echo", "echo", "echo-8", "200 clients, 8 calls in flight each, a string of 64 bytes",
			exchanging(clients, 8, ws, echoCalls("echo"))),
		one("Echo", "echo", "raw-8", "as echo-8, by a handler without types",
			exchanging(clients, 8, ws, echoCalls("raw"))),
		one("Echo", "echo", "object-8", "as echo-8, a small object",
			exchanging(clients, 8, ws, objectCalls)),
		one("Echo", "echo", "binary-8", "as echo-8, 1 KiB of bytes",
			exchanging(clients, 8, ws, binaryCalls)),
		one("Echo", "echo", "echo-paced", "200 clients, 10,000 calls a second in all, a string of 64 bytes",
			pacing(clients, 10_000, echoCalls("echo"))),
		one("Broadcast", "delivery", "broadcast-1000", "a room of 1,000, as fast as it goes",
			broadcasting(1000, 1, 8)),
		one("Broadcast", "delivery", "broadcast-5000", "a room of 5,000, as fast as it goes",
			broadcasting(5000, 1, 8)),
		one("Broadcast", "delivery", "burst-10", "a room of 1,000, 10 messages in a row, as fast as it goes",
			broadcasting(1000, 10, 2)),
		one("Broadcast", "delivery", "broadcast-paced", "a room of 1,000, 20 messages a second",
			broadcastPaced(1000, 20)),
		one("Rooms", "delivery", "rooms", "1,000 rooms of 10, a message to one at random, as fast as it goes",
			runRooms),
		one("Rooms", "call", "churn-rooms", "200 clients, 8 calls in flight each, which join rooms and leave them",
			exchanging(clients, 8, ws, roomCalls)),
		polling(one("Polling", "echo", "polling-echo", "100 clients, 1 call in flight each, a string of 64 bytes",
			exchanging(pollingClients, 1, load.Polling, echoCalls("echo")))),
		polling(one("Polling", "connection", "upgrade", "a poll, \"/\" joined, the move to WebSocket, and the end; 256 at a time",
			churning(256, load.Upgrade))),
		one("Connections", "connection", "churn", "a WebSocket is opened, \"/\" joined, and closed; 64 at a time",
			churning(64, ws)),
	}
	for _, bus := range []string{"redis", "sharded", "streams", "postgres", "nats", "jetstream"} {
		all = append(all,
			linked(bus, one("Cluster", "delivery", bus, "a room of 10 on another node, as fast as it goes, through "+buses[bus],
				broadcasting(10, 1, 8))),
			linked(bus, one("Cluster", "delivery", bus+"-paced", "the same, 500 messages a second",
				broadcastPaced(10, 500))))
	}
	return all
}

func linked(bus string, s Scenario) Scenario {
	s.Bus = bus
	return s
}

// buses are what links servers, in words.
var buses = map[string]string{
	"redis": "Redis, publish and subscribe", "sharded": "Redis, sharded", "streams": "Redis, streams",
	"postgres": "PostgreSQL", "nats": "NATS", "jetstream": "NATS JetStream",
}
