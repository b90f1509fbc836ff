package app

import socketio "github.com/kawat-go/kawat/core"

// The contract between the page and the server: every event's name and what it
// carries, in one place. A []byte field travels as a binary attachment.

// What the page asks of the server. The answer is the acknowledgement.
const (
	Join    = socketio.Request[JoinRequest, JoinReply]("join")
	Send    = socketio.Request[SendRequest, SendReply]("send")
	Picture = socketio.Request[PictureRequest, Image]("picture")
	Typing  = socketio.Message[bool]("typing")
)

// What the server tells the page.
const (
	Posted      = socketio.Message[Post]("post")
	NowPresent  = socketio.Message[Presence]("presence")
	NowTyping   = socketio.Message[TypingNames]("typing")
	RoomsListed = socketio.Message[[]RoomInfo]("rooms")
)

// A JoinRequest asks for a seat in a room, which is made if it is not there.
type JoinRequest struct {
	Client string `json:"client"` // the tab's own secret: whoever has it takes the seat over after a lost connection
	Name   string `json:"name"`
	Room   string `json:"room"`
}

// A JoinReply is all that a page needs to show a room.
type JoinReply struct {
	Run     string     `json:"run"`  // changes when the server starts anew, and with it its memory
	Name    string     `json:"name"` // as the others see it; "Ani (2)" if "Ani" is taken
	Room    string     `json:"room"`
	People  []string   `json:"people"`
	Rooms   []RoomInfo `json:"rooms"`
	History []Post     `json:"history"`
	Limits  Limits     `json:"limits"`
}

// Limits are what the server accepts, so that the page can say so in time.
type Limits struct {
	Text  int `json:"text"`  // characters
	Image int `json:"image"` // bytes
}

// A SendRequest is a text, an image, or both.
type SendRequest struct {
	Key   string `json:"key"` // chosen by the page: the same message sent twice is posted once
	Room  string `json:"room"`
	Text  string `json:"text"`
	Image *Image `json:"image,omitempty"`
}

// A SendReply says under which number and when the message was posted.
type SendReply struct {
	ID int64 `json:"id"`
	At int64 `json:"at"`
}

// A Post is a message as everybody in the room gets it.
type Post struct {
	ID    int64  `json:"id"`
	Key   string `json:"key"`
	Room  string `json:"room"`
	From  string `json:"from"`
	Text  string `json:"text"`
	At    int64  `json:"at"` // milliseconds since 1970
	Image *Image `json:"image,omitempty"`
}

// An Image is a picture. In a history it comes without its data, which the page
// asks for with [Picture] when it is about to show it.
type Image struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data []byte `json:"data,omitempty"`
}

// A PictureRequest asks for the data of a post's image.
type PictureRequest struct {
	Key string `json:"key"`
}

// Presence is who is in a room, and who just came or went.
type Presence struct {
	Room   string   `json:"room"`
	People []string `json:"people"`
	Came   string   `json:"came,omitempty"`
	Went   string   `json:"went,omitempty"`
}

// TypingNames are those who are writing something at the moment.
type TypingNames struct {
	Room  string   `json:"room"`
	Names []string `json:"names"`
}

// A RoomInfo is a line in the list of rooms.
type RoomInfo struct {
	Name   string `json:"name"`
	People int    `json:"people"`
}
