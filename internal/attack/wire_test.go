package attack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// A wire is a TCP connection to the server, with what went over it written down.
type wire struct {
	name string
	conn *net.TCPConn
	in   *bufio.Reader
	log  *transcript
	head bool // the last request was a HEAD, whose answer has no body
}

func dial(addr, name string, log *transcript) (*wire, error) {
	conn, err := net.DialTimeout("tcp", addr, target.Patience)
	if err != nil {
		return nil, err
	}
	w := &wire{name: name, conn: conn.(*net.TCPConn), log: log}
	w.in = bufio.NewReaderSize(w.conn, 4<<10)
	return w, nil
}

// write sends bytes. That the server has hung up is no error: what must come of it is
// for the next step to say.
func (w *wire) write(bytes string) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(target.Patience))
	w.head = strings.HasPrefix(bytes, "HEAD ")
	n, err := io.WriteString(w.conn, bytes)
	w.log.add(">", w.name, bytes[:n])
	if err != nil {
		w.log.add("!", w.name, err.Error())
	}
}

// patience bounds the reading of what must come.
func (w *wire) patience(d time.Duration) { _ = w.conn.SetReadDeadline(time.Now().Add(d)) }

// reset closes the connection so that the server gets an RST.
func (w *wire) reset() {
	_ = w.conn.SetLinger(0)
	_ = w.conn.Close()
	w.log.add(">", w.name, "(RST)")
}

// hungUp reports whether an error says that the server has closed the connection, in
// whatever way.
func hungUp(err error) bool {
	var network net.Error
	return err != nil && !(errors.As(err, &network) && network.Timeout())
}

// A response is one of HTTP/1.
type response struct {
	status int
	header []string // lines
	body   string
}

// get returns the value of a header field, or "".
func (r *response) get(name string) string {
	for _, line := range r.header {
		if key, value, _ := strings.Cut(line, ":"); strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// text is the response as it is matched against patterns.
func (r *response) text() string { return strings.Join(r.header, "\n") + "\n\n" + r.body }

// response reads one, with the body that it says it has.
func (w *wire) response() (*response, error) {
	r := &response{}
	line, err := w.line()
	if err != nil {
		return nil, err
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	if r.status, err = strconv.Atoi(code); err != nil || !strings.HasPrefix(version, "HTTP/1.") {
		return nil, fmt.Errorf("%.80q is no status line", line)
	}
	r.header = append(r.header, line)
	for {
		if line, err = w.line(); err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		r.header = append(r.header, line)
	}
	if !w.head && r.status >= 200 && r.status != 204 && r.status != 304 {
		r.body, err = w.body(r)
	}
	w.log.add("<", w.name, r.text())
	return r, err
}

func (w *wire) line() (string, error) {
	line, err := w.in.ReadString('\n')
	if err != nil {
		if line != "" {
			err = fmt.Errorf("%w after %.80q", err, line)
		}
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (w *wire) body(r *response) (string, error) {
	if r.get("Transfer-Encoding") == "chunked" {
		return w.chunks()
	}
	if length := r.get("Content-Length"); length != "" {
		n, err := strconv.Atoi(length)
		if err != nil {
			return "", err
		}
		body := make([]byte, n)
		_, err = io.ReadFull(w.in, body)
		return string(body), err
	}
	body, err := io.ReadAll(w.in)
	return string(body), err
}

func (w *wire) chunks() (string, error) {
	var body strings.Builder
	for {
		line, err := w.line()
		if err != nil {
			return "", err
		}
		n, err := strconv.ParseInt(line, 16, 32)
		if err != nil {
			return "", err
		}
		if _, err := io.CopyN(&body, w.in, n); err != nil {
			return "", err
		}
		if _, err := w.line(); err != nil || n == 0 {
			return body.String(), err
		}
	}
}
