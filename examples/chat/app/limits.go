package app

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	socketio "github.com/kawat-go/kawat/core"
)

// Everything that a visitor can make the server keep has a bound.
const (
	maxPayload  = 3_000_000 // bytes of one message on the wire
	maxImage    = 2_000_000 // bytes: over polling a third is added on the way, and it must fit maxPayload
	maxText     = 2000      // characters of a message
	maxName     = 24        // characters of a visitor's name
	maxRoom     = 32        // characters of a room's name
	maxKey      = 64        // bytes of a client's or a message's key
	maxRooms    = 40
	maxHistory  = 50        // messages that a room remembers
	maxPictures = 8_000_000 // bytes of images that a room remembers

	typingFor = 4 * time.Second // how long a sign of typing is good for
)

var imageTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// refuse makes the error that the page shows to its user.
func refuse(format string, args ...any) error {
	return &socketio.Error{Message: fmt.Sprintf(format, args...)}
}

// cleanName tidies what a person typed as a name, or says what is wrong with it.
func cleanName(what, name string, limit int) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", refuse("Please choose %s.", what)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, notShown):
		return "", refuse("Please use only letters, digits and signs for %s.", what)
	case utf8.RuneCountInString(name) > limit:
		return "", refuse("Please keep %s to %d characters.", what, limit)
	}
	return name, nil
}

// notShown reports runes that cannot be seen, or that change the direction of what follows.
func notShown(r rune) bool { return !unicode.IsPrint(r) }

func (r *JoinRequest) clean() (err error) {
	if r.Client == "" || len(r.Client) > maxKey {
		return refuse("This page is out of date. Please reload it.")
	}
	if r.Name, err = cleanName("a name", r.Name, maxName); err != nil {
		return err
	}
	r.Room, err = cleanName("a name for the room", r.Room, maxRoom)
	return err
}

func (r *SendRequest) clean() error {
	r.Text = strings.TrimSpace(r.Text)
	switch {
	case r.Key == "" || len(r.Key) > maxKey:
		return refuse("This page is out of date. Please reload it.")
	case r.Text == "" && r.Image == nil:
		return refuse("There is nothing to send.")
	case utf8.RuneCountInString(r.Text) > maxText:
		return refuse("Please keep a message to %d characters.", maxText)
	case r.Image != nil:
		return r.Image.clean()
	}
	return nil
}

// clean goes by the bytes, not by what the page says they are: what the others
// are told to show as an image is one.
func (m *Image) clean() error {
	if len(m.Data) > maxImage {
		return refuse("This image has %.1f MB; up to %.1f MB can be sent.", float64(len(m.Data))/1e6, float64(maxImage)/1e6)
	}
	m.Type = http.DetectContentType(m.Data)
	if !slices.Contains(imageTypes, m.Type) {
		return refuse("Only PNG, JPEG, GIF and WebP images can be sent.")
	}
	if name, err := cleanName("a name", m.Name, 80); err == nil {
		m.Name = name
	} else {
		m.Name = "image"
	}
	return nil
}
