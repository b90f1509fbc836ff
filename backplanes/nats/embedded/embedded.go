// Package embedded runs a NATS server inside the process. The servers of several
// copies of a program find each other and form a cluster, so that the program
// scales out with nothing else to install:
//
//	server, err := embedded.Start(embedded.Config{
//		ClusterListen: ":6222",
//		Routes:        []string{"10.0.0.1:6222", "10.0.0.2:6222", "10.0.0.3:6222"},
//		Secret:        os.Getenv("CLUSTER_SECRET"),
//	})
//	defer server.Close()
//	backplane := nats.New(server.Config())
//
// It is a package of its own, because whoever connects to a NATS server that runs
// elsewhere need not link one.
package embedded

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/kawat-go/kawat/backplanes/nats"
)

// A Config says how a server runs. The zero Config is a server for this process
// alone, which listens to nobody.
type Config struct {
	// Name is the server's, which no other one in the cluster has. One with a Dir has
	// to have the same after a restart: set it, or the address that is heard on is a
	// part of it. Default: the host's name and the port of ClusterListen; at random
	// where there is no such port.
	Name string
	// Cluster is the name of the cluster, the same for all of its servers. Default
	// "kawat".
	Cluster string

	// ClusterListen is where the other servers connect to, as "10.0.0.1:6222"; port 0
	// is any that is free. Default: there are no others.
	ClusterListen string
	// Routes are the ClusterListen of the other servers. One that is known leads to all
	// of those it knows; a server's own is left out, so the list may be the same
	// everywhere. With a Dir all servers should be in it, as their number says how many
	// are needed to begin.
	Routes []string
	// Advertise is what the others are told to connect to, where it is not
	// ClusterListen, such as behind a translated address.
	Advertise string
	// Secret is what servers show each other. Whoever reaches ClusterListen and knows it
	// can read and say everything. Default: no secret is asked for.
	Secret string
	// ClusterTLS encrypts what the servers say to each other; it needs Certificates,
	// RootCAs and ClientCAs. Default: plain TCP, in which Secret can be read.
	ClusterTLS *tls.Config

	// Listen is where clients in other processes connect to, such as servers that are
	// Node's, and emitters. Default: none can. (A server in a cluster has to listen all
	// the same: on a port of 127.0.0.1, with a token at random.)
	Listen string
	// Token is what such clients have to show. Default: none is asked for.
	Token string
	// TLS encrypts what such clients say. Default: plain TCP.
	TLS *tls.Config

	// Dir is where JetStream keeps its files, for [nats.JetStream]. Each server needs
	// one of its own, which outlives its restart. Default: no JetStream.
	Dir string
	// MaxStore is how many bytes the files may take together. Default 1 GiB.
	MaxStore int64
	// MaxMemory is how many bytes the streams that are kept in memory may take
	// together. Default 256 MiB.
	MaxMemory int64

	// MaxPayload bounds a message in bytes. Default 8 MiB; beyond that the server
	// itself advises against it, and more than 64 MiB are refused.
	MaxPayload int

	// Logger is told what the server has to say. Default slog.Default().
	Logger *slog.Logger
}

const (
	maxPayload  = 8 << 20
	mostPayload = 64 << 20
	user        = "kawat"          // whose password Secret is
	patience    = 10 * time.Second // for the server to begin; it takes milliseconds
)

// A Server is a NATS server in this process.
type Server struct {
	server *server.Server
	config Config
}

// Start starts a server. It does not wait for the others.
func Start(c Config) (*Server, error) {
	if c.Listen == "" {
		c.Token = ""
		if c.ClusterListen != "" {
			c.Token = rand.Text()
		}
	}
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	logger := c.Logger
	if logger == nil {
		logger = slog.Default()
	}
	talk := &log{logger: logger}
	s.SetLoggerV2(talk, false, false, false)
	s.Start()
	if !s.ReadyForConnections(patience) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("embedded: the server did not start within %v: %s", patience, talk.last())
	}
	return &Server{server: s, config: c}, nil
}

// options are what the server calls its configuration.
func (c Config) options() (*server.Options, error) {
	if c.MaxPayload < 0 || c.MaxPayload > mostPayload {
		return nil, fmt.Errorf("embedded: MaxPayload is %d: at most %d bytes are possible", c.MaxPayload, mostPayload)
	}
	if c.ClusterListen == "" && len(c.Routes) > 0 {
		return nil, errors.New("embedded: Routes without ClusterListen: set where the others connect to, such as \":6222\"")
	}
	o := &server.Options{
		ServerName: c.Name, DontListen: c.Listen == "" && c.ClusterListen == "", Host: "127.0.0.1", Port: server.RANDOM_PORT,
		NoSigs: true, Authorization: c.Token, TLSConfig: c.TLS, TLS: c.TLS != nil,
		MaxPayload:             int32(or(int64(c.MaxPayload), maxPayload)),
		DisableJetStreamBanner: true, JetStream: c.Dir != "", StoreDir: c.Dir,
		JetStreamMaxStore: or(c.MaxStore, 1<<30), JetStreamMaxMemory: or(c.MaxMemory, 256<<20),
	}
	if c.TLS != nil {
		o.TLSTimeout = 2
	}
	var err error
	if c.Listen != "" {
		if o.Host, o.Port, err = address("Listen", c.Listen); err != nil {
			return nil, err
		}
	}
	if c.ClusterListen != "" {
		if err := c.cluster(o); err != nil {
			return nil, err
		}
	}
	if o.ServerName == "" {
		o.ServerName = c.name(o.Cluster.Port)
	}
	return o, nil
}

// cluster fills in what concerns the other servers.
func (c Config) cluster(o *server.Options) (err error) {
	o.Cluster = server.ClusterOpts{
		Name: c.Cluster, Advertise: c.Advertise, ConnectRetries: 1 << 30,
		TLSConfig: c.ClusterTLS, TLSTimeout: 2, PingInterval: 2 * time.Second, MaxPingsOut: 2,
	}
	if o.Cluster.Name == "" {
		o.Cluster.Name = "kawat"
	}
	if o.Cluster.Host, o.Cluster.Port, err = address("ClusterListen", c.ClusterListen); err != nil {
		return err
	}
	var login *url.Userinfo
	if c.Secret != "" {
		o.Cluster.Username, o.Cluster.Password = user, c.Secret
		login = url.UserPassword(user, c.Secret)
	}
	for _, route := range c.Routes {
		host, port, err := net.SplitHostPort(route)
		if err != nil || host == "" || port == "" {
			return fmt.Errorf("embedded: the route %q is not like \"10.0.0.1:6222\"", route)
		}
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: route, User: login})
	}
	return nil
}

// name is a server's that was given none.
func (c Config) name(port int) string {
	host, err := os.Hostname()
	if err != nil || port <= 0 {
		return "kawat-" + rand.Text()
	}
	return host + "-" + strconv.Itoa(port)
}

func address(field, text string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(text)
	if err == nil {
		port, err = strconv.Atoi(digits)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("embedded: %s is %q: it has to be like \"10.0.0.1:6222\", or \":6222\"", field, text)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}

func or(n, otherwise int64) int64 {
	if n > 0 {
		return n
	}
	return otherwise
}

// Config returns what [nats.New], [nats.JetStream] and the emitters need to connect
// to this server, within the process.
func (s *Server) Config() nats.Config {
	c := nats.Config{InProcess: s}
	if s.config.Token != "" {
		c.Options = append(c.Options, natsgo.Token(s.config.Token))
	}
	return c
}

// InProcessConn returns a connection to the server.
func (s *Server) InProcessConn() (net.Conn, error) { return s.server.InProcessConn() }

// URL returns where clients connect to, or "" where they cannot.
func (s *Server) URL() string {
	if s.config.Listen == "" {
		return ""
	}
	return s.server.ClientURL()
}

// ClusterAddr returns where the other servers connect to, as host and port, or "".
func (s *Server) ClusterAddr() string {
	if a := s.server.ClusterAddr(); a != nil {
		return a.String()
	}
	return ""
}

// Servers returns how many servers of the cluster this one is connected to, itself
// not counted.
func (s *Server) Servers() int { return s.server.NumRemotes() }

// Close ends the server, and waits until it has ended. Those that are connected to it
// should have been closed before. The second call does nothing.
func (s *Server) Close() error {
	s.server.Shutdown()
	s.server.WaitForShutdown()
	return nil
}
