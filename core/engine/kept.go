package engine

import (
	"context"
	"encoding/binary"
)

// A kept is what a session keeps of the request that began it, for as long as it
// lives. As a Request, with a map of slices of strings for the header, that would be
// 900 bytes for the bare handshake of a WebSocket, and 1,900 for a browser's; this
// takes 130 and 560, and a Request is made when somebody asks for one.
type kept struct {
	text    string // all but the other two, in a row, the address first: see pack
	context context.Context
	values  map[string]any
}

func keep(r *Request) kept {
	return kept{text: pack(r), context: r.Context, values: r.Values}
}

// pack writes down what a Request has of text and numbers.
func pack(r *Request) string {
	var room [1024]byte // for nearly all requests, and on the stack
	b := room[:0]
	for _, text := range []string{r.RemoteAddr, r.Method, r.Path, r.RawQuery, r.Host} {
		b = appendText(b, text)
	}
	b = binary.AppendVarint(b, r.ContentLength)
	b = appendText(b, scheme(r.Secure))
	for name, values := range r.Header {
		b = appendText(b, name)
		b = binary.AppendUvarint(b, uint64(len(values)))
		for _, value := range values {
			b = appendText(b, value)
		}
	}
	return string(b)
}

// request makes the Request again, without its body.
func (k *kept) request() *Request {
	t := texts(k.text)
	r := &Request{RemoteAddr: t.next(), Method: t.next(), Path: t.next(), RawQuery: t.next(), Host: t.next()}
	r.ContentLength = t.signed()
	r.Secure = t.next() == scheme(true)
	r.Header = make(Header)
	for t != "" {
		name, values := t.next(), make([]string, t.number())
		for i := range values {
			values[i] = t.next()
		}
		r.Header[name] = values
	}
	r.Context, r.Values = k.context, k.values
	return r
}

func scheme(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}

func (k *kept) remoteAddr() string {
	t := texts(k.text)
	return t.next()
}

// appendText writes a text: the place of a usual one, as an odd number, or twice the
// length and the bytes.
func appendText(b []byte, text string) []byte {
	if place, ok := usualPlaces[text]; ok {
		return binary.AppendUvarint(b, uint64(place)<<1|1)
	}
	b = binary.AppendUvarint(b, uint64(len(text))<<1)
	return append(b, text...)
}

// texts are what is left to be read of what pack has written. What is read shares
// its memory.
type texts string

func (t *texts) next() string {
	n := t.number()
	if n&1 == 1 {
		return usual[n>>1]
	}
	text := (*t)[:n>>1]
	*t = (*t)[n>>1:]
	return string(text)
}

func (t *texts) number() uint64 {
	n, size := binary.Uvarint(t.start())
	*t = (*t)[size:]
	return n
}

func (t *texts) signed() int64 {
	n, size := binary.Varint(t.start())
	*t = (*t)[size:]
	return n
}

// start returns what the next number is in.
func (t *texts) start() []byte { return []byte((*t)[:min(len(*t), binary.MaxVarintLen64)]) }

// usual are the texts of many handshakes, which are not written out. That saves 110
// bytes of the bare handshake, and 250 of a browser's.
var usual = [...]string{
	"GET", "/socket.io/", "EIO=4&transport=websocket",
	"Connection", "Upgrade", "upgrade", "keep-alive, Upgrade", "keep-alive", "websocket",
	"Sec-Websocket-Key", "Sec-Websocket-Version", "13",
	"Sec-Websocket-Extensions", "permessage-deflate; client_max_window_bits", "permessage-deflate",
	"Sec-Websocket-Protocol",
	"Accept", "*/*", "Accept-Encoding", "gzip, deflate, br, zstd", "gzip, deflate, br", "gzip, deflate",
	"Accept-Language", "en-US,en;q=0.9", "en-US,en;q=0.5",
	"Cache-Control", "Pragma", "no-cache", "no-store",
	"Cookie", "Origin", "Referer", "User-Agent", "Authorization", "Dnt", "1", "Te", "trailers",
	"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "empty", "cors", "same-origin", "same-site", "cross-site",
	"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Priority",
	"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Server",
	"X-Real-Ip", "X-Request-Id", "https", "http", "443", "",
}

var usualPlaces = places(usual[:])

func places(list []string) map[string]int {
	at := make(map[string]int, len(list))
	for i, text := range list {
		at[text] = i
	}
	return at
}
