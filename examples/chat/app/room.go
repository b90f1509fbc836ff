package app

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A room is its people and its last messages. The hall's lock guards it.
type room struct {
	name      string
	permanent bool              // listed also when nobody is there
	people    map[string]string // name by socket
	posts     []Post
	pictures  int // bytes of images in posts
	last      int64
	typing    map[string]time.Time // until when, by name
	emptied   time.Time
}

func newRoom(name string, permanent bool) *room {
	return &room{name: name, permanent: permanent, people: map[string]string{}, typing: map[string]time.Time{}}
}

// freeName returns the name, with a number behind it if somebody has it already.
func (r *room) freeName(name string) string {
	taken := slices.Collect(maps.Values(r.people))
	free := name
	for n := 2; slices.Contains(taken, free); n++ {
		free = fmt.Sprintf("%s (%d)", name, n)
	}
	return free
}

func (r *room) names() []string { return slices.Sorted(maps.Values(r.people)) }

func (r *room) find(same func(Post) bool) (Post, bool) {
	if i := slices.IndexFunc(r.posts, same); i >= 0 {
		return r.posts[i], true
	}
	return Post{}, false
}

// add appends a message and forgets what is over the room's bounds: the oldest
// messages, and the data of the oldest images.
func (r *room) add(p Post) Post {
	p.ID, p.Room = r.last+1, r.name
	r.keep(p)
	return p
}

// keep is add for a message that has its number.
func (r *room) keep(p Post) {
	r.last = max(r.last, p.ID)
	r.posts = append(r.posts, p)
	r.pictures += pictureSize(p)
	if len(r.posts) > maxHistory {
		r.pictures -= pictureSize(r.posts[0])
		r.posts = slices.Delete(r.posts, 0, 1)
	}
	for i := 0; r.pictures > maxPictures; i++ {
		if size := pictureSize(r.posts[i]); size > 0 {
			r.pictures -= size
			r.posts[i].Image = withoutData(r.posts[i].Image)
		}
	}
}

// history returns the messages, their images without the data.
func (r *room) history() []Post {
	posts := slices.Clone(r.posts)
	for i := range posts {
		posts[i].Image = withoutData(posts[i].Image)
	}
	return posts
}

// stillTyping drops those whose sign of typing has expired, and reports whether there were any.
func (r *room) stillTyping(now time.Time) (names []string, changed bool) {
	names = []string{}
	for name, until := range r.typing {
		if until.After(now) {
			names = append(names, name)
			continue
		}
		delete(r.typing, name)
		changed = true
	}
	slices.Sort(names)
	return names, changed
}

func pictureSize(p Post) int {
	if p.Image == nil {
		return 0
	}
	return len(p.Image.Data)
}

// withoutData copies an image: posts that were handed out are never changed.
func withoutData(m *Image) *Image {
	if m == nil {
		return nil
	}
	return &Image{Name: m.Name, Type: m.Type}
}
