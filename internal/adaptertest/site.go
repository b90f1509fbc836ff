package adaptertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// patience is how long the suite waits for what must come: a machine that is busy
// with other things may take its time.
const patience = time.Minute

// A site is a running application.
type site struct {
	t        *testing.T
	addr     string // host:port
	prefix   string // of the place
	path     string // the endpoint's, prefix included
	end      string // what clients put behind it
	io       *engine.Server
	log      *buffer
	client   *http.Client
	trust    *tls.Config // of a site with TLS
	shutdown func(context.Context) error
}

// A buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start serves an application whose endpoint is an Engine.IO server that sends
// back what it gets.
func start(t *testing.T, host Host, app App, cfg engine.Config) *site {
	t.Helper()
	return startWith(t, host, app, cfg, echo)
}

// startWith is start with another receiver.
func startWith(t *testing.T, host Host, app App, cfg engine.Config, receive func(*engine.Session) engine.Receiver) *site {
	t.Helper()
	log := &buffer{}
	cfg.DisableParking = host.unparked
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	srv, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.OnConnection(receive)
	app.Endpoint = srv
	s := serve(t, host, app)
	s.log = log
	return s
}

func echo(s *engine.Session) engine.Receiver {
	return engine.Funcs{OnMessage: func(data []byte, binary bool) {
		if binary {
			_ = s.SendBinary(data)
		} else {
			_ = s.SendText(string(data))
		}
	}}
}

// serve starts the application and stops it when the test is over.
func serve(t *testing.T, host Host, app App) *site {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	if app.Secure {
		ln, transport.TLSClientConfig = secure(ln)
	}
	s := &site{
		t: t, addr: ln.Addr().String(), prefix: app.Place.Prefix(), io: app.Endpoint.Engine(),
		client: &http.Client{
			Transport:     transport,
			Timeout:       patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.trust = transport.TLSClientConfig
	s.path, s.end = s.prefix+s.io.Path(), "/"
	s.shutdown = host.Serve(t, ln, app)
	t.Cleanup(func() {
		_ = s.io.Close()
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.shutdown(ctx); err != nil {
			t.Errorf("the framework's shutdown: %v", err)
		}
	})
	return s
}

// secure puts TLS on a listener, and returns what a client needs to trust it.
func secure(ln net.Listener) (net.Listener, *tls.Config) {
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(lender.Certificate())
	server := &tls.Config{Certificates: lender.TLS.Certificates, MinVersion: tls.VersionTLS12}
	return tls.NewListener(ln, server), &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}
}

// A response is one that has been read.
type response struct {
	status int
	header http.Header
	body   string
}

// do sends a request; target is a path with a query, headers are "Name: value".
func (s *site) do(method, target, body string, headers ...string) response {
	s.t.Helper()
	r, err := s.try(method, target, body, headers...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	return r
}

func (s *site) try(method, target, body string, headers ...string) (response, error) {
	req, err := http.NewRequest(method, s.scheme("http")+s.addr+target, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(b)}, err
}

// scheme returns the beginning of a URL.
func (s *site) scheme(plain string) string {
	if s.trust != nil {
		return plain + "s://"
	}
	return plain + "://"
}

// query returns the target of a polling request; sid is empty for a handshake.
func (s *site) query(sid string) string {
	target := s.path + s.end + "?EIO=4&transport=polling"
	if sid != "" {
		target += "&sid=" + sid
	}
	return target
}

// open begins a polling session and returns its id.
func (s *site) open(headers ...string) string {
	s.t.Helper()
	r := s.do("GET", s.query(""), "", headers...)
	if r.status != 200 {
		s.t.Fatalf("handshake: %d %s", r.status, r.body)
	}
	return sidOf(s.t, plain(s.t, r))
}

// sidOf returns the id in an open packet.
func sidOf(t *testing.T, packet string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(packet, `0{"sid":"`)
	sid, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed || len(sid) != 20 {
		t.Fatalf("%q is no open packet", packet)
	}
	return sid
}

// exchange sends a message by POST and fetches the echo by GET.
func (s *site) exchange(sid string, headers ...string) {
	s.t.Helper()
	if r := s.do("POST", s.query(sid), "4hello", headers...); r.status != 200 || r.body != "ok" {
		s.t.Fatalf("POST: %d %q", r.status, r.body)
	}
	if r := s.do("GET", s.query(sid), "", headers...); r.status != 200 || r.body != "4hello" {
		s.t.Fatalf("GET: %d %q", r.status, r.body)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
