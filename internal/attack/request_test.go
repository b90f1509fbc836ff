package attack

import (
	"fmt"
	"strings"
)

// Where the server's Socket.IO is, for each transport.
const (
	pollPath = "/socket.io/?EIO=4&transport=polling"
	wsPath   = "/socket.io/?EIO=4&transport=websocket"
)

// request is one of HTTP/1.1. Header fields are whole lines, without their ends; one
// that names Host takes the place of the usual one.
func request(method, path string, header ...string) string {
	var b strings.Builder
	b.WriteString(method + " " + path + " HTTP/1.1\r\n")
	if !strings.Contains("\n"+strings.Join(header, "\n"), "\nHost:") {
		b.WriteString("Host: {addr}\r\n")
	}
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n"
}

func get(path string, header ...string) string { return request("GET", path, header...) }

// post is a POST of a body with its length.
func post(path, body string, header ...string) string {
	return request("POST", path, append([]string{fmt.Sprint("Content-Length: ", size(body))}, header...)...) + body
}

// size is the length of bytes in which a session's id has yet to be filled in.
func size(bytes string) int {
	return len(bytes) + strings.Count(bytes, "{sid}")*(sidSize-len("{sid}"))
}

const sidSize = 20

// upgrade is a request for a WebSocket.
func upgrade(path string, header ...string) string {
	return get(path, append([]string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, header...)...)
}

// chunked is a POST whose body comes in chunks, as they stand.
func chunked(path, chunks string, header ...string) string {
	return request("POST", path, append([]string{"Transfer-Encoding: chunked"}, header...)...) + chunks
}
