package wire

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/backplane"
)

// array reads a value that is an array.
func (r *Reader) array() backplane.Data {
	d := r.Value()
	if len(d.JSON) == 0 || d.JSON[0] != '[' {
		r.fail(ErrMalformed)
	}
	return d
}

// object reads a value that is an object, or what a program has put there instead;
// null is an empty one.
func (r *Reader) object() backplane.Data {
	if r.Null() {
		return emptyObject()
	}
	return r.Value()
}

func emptyObject() backplane.Data { return backplane.Data{JSON: []byte("{}")} }

// Options reads what a message aims at.
func (r *Reader) Options() (o backplane.Options) {
	for m := r.Object(); r.Next(&m); {
		switch string(r.Key()) {
		case "rooms":
			o.Rooms = r.Names()
		case "except":
			o.Except = r.Names()
		case "flags":
			o.Flags = r.Flags()
		default:
			r.Skip()
		}
	}
	return o
}

// Flags reads flags. Those that are null are not set.
func (r *Reader) Flags() (f backplane.Flags) {
	if r.Null() {
		return f
	}
	for m := r.Object(); r.Next(&m); {
		key := string(r.Key())
		if r.Null() {
			continue
		}
		switch key {
		case "volatile":
			f.Volatile = r.Bool()
		case "compress":
			compress := r.Bool()
			f.Compress = &compress
		case "timeout":
			f.Timeout = milliseconds(r.Number())
		case "expectSingleResponse":
			f.ExpectSingleResponse = r.Bool()
		case "broadcast":
			f.Broadcast = r.Bool()
		default:
			r.Skip()
		}
	}
	return f
}

// milliseconds returns a timeout that was read.
func milliseconds(ms float64) time.Duration {
	const most = 1e12 // 31 years
	if !(ms > 0) {
		return 0
	}
	return time.Duration(min(ms, most) * float64(time.Millisecond))
}

// Sockets reads an array of sockets.
func (r *Reader) Sockets() (sockets []backplane.Socket) {
	for m := r.Array(); r.Next(&m); {
		r.spend(8)
		sockets = append(sockets, r.socket())
	}
	return sockets
}

func (r *Reader) socket() backplane.Socket {
	s := backplane.Socket{Data: emptyObject(), Handshake: backplane.Handshake{Auth: emptyObject()}}
	for m := r.Object(); r.Next(&m); {
		switch string(r.Key()) {
		case "id":
			s.ID = r.String()
		case "handshake":
			r.handshake(&s.Handshake)
		case "rooms":
			s.Rooms = r.Names()
		case "data":
			s.Data = r.object()
		default:
			r.Skip()
		}
	}
	if s.ID == "" {
		r.fail(ErrMalformed)
	}
	return s
}

func (r *Reader) handshake(h *backplane.Handshake) {
	for m := r.Object(); r.Next(&m); {
		key := string(r.Key())
		if r.Null() {
			continue
		}
		switch key {
		case "headers":
			h.Headers = r.texts(", ")
		case "query":
			h.Query = r.texts(",")
		case "time":
			h.Time = r.text("")
		case "address":
			h.Address = r.text("")
		case "url":
			h.URL = r.text("")
		case "xdomain":
			h.XDomain = r.Bool()
		case "secure":
			h.Secure = r.Bool()
		case "issued":
			h.Issued = r.Int()
		case "auth":
			h.Auth = r.object()
		default:
			r.Skip()
		}
	}
}

// texts reads an object of texts.
func (r *Reader) texts(join string) map[string]string {
	texts := make(map[string]string)
	for m := r.Object(); r.Next(&m); {
		r.spend(2)
		key := validText(string(r.Key()))
		if !r.Null() {
			texts[key] = r.text(join)
		}
	}
	return texts
}

// text reads a string, a number, true or false, or an array of those, as text.
func (r *Reader) text(join string) string {
	d := r.Value()
	if len(d.JSON) == 0 || d.JSON[0] != '[' {
		return plain(d.JSON)
	}
	var parts []string
	of := Reader{b: d.JSON, limits: r.limits, depth: r.limits.Depth}
	for m := of.Array(); of.Next(&m); {
		r.spend(1)
		parts = append(parts, plain(of.raw()))
	}
	return strings.Join(parts, join)
}

// plain returns what a JSON text is as text, if it is no object, array or null.
func plain(json []byte) string {
	if len(json) == 0 {
		return ""
	}
	switch json[0] {
	case '"':
		s, _ := jsontext.AppendUnquote(nil, json)
		return string(s)
	case '{', '[', 'n':
		return ""
	}
	return string(json)
}
