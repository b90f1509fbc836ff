package scenario

import "math/rand/v2"

const (
	manyRooms    = 1000
	roomsEach    = 5
	roomMembers  = 10
	roomClients  = manyRooms * roomMembers / roomsEach
	roomWindow   = 64
	roomsPerTurn = manyRooms / roomsEach
)

// strides scatter the members: each has no divisor in common with roomsPerTurn, so
// the clients of a room are others in each turn.
var strides = [roomsEach]int{1, 3, 7, 9, 11}

// roomOf is the i-th room of a client. Rooms come in five groups, and a client is
// in one of each; so each room has ten members.
func roomOf(client, i int) int {
	return i*roomsPerTurn + client*strides[i]%roomsPerTurn
}

// runRooms publishes to one of many small rooms after another.
func runRooms(s *stage) error {
	random := rand.New(rand.NewPCG(1, 2)) // the same rooms in each run
	b := &broadcast{
		receivers: roomClients, perRoom: roomMembers, burst: 1,
		next:   func() int { return random.IntN(manyRooms) },
		member: func(client, room int) bool { return roomOf(client, room/roomsPerTurn) == room },
	}
	if err := b.fill(s, roomsEach, roomOf); err != nil {
		return err
	}
	b.window, b.behind = roomWindow, maxBehind*roomWindow
	b.publishMore()
	return b.measure(b.missing)
}
