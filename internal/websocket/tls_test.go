package websocket

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func dialTLS(t *testing.T) (ours, peer net.Conn) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	ours, peer = dialTCP(t)
	return tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{cert}}),
		tls.Client(peer, &tls.Config{InsecureSkipVerify: true})
}

func TestTLS(t *testing.T) {
	ours, peer := dialTLS(t)
	c := New(ours, nil, Config{})
	read, large := readAll(c), strings.Repeat("x", 100_000)
	send(peer, join(testFrame(text, "a"), testFrame(text, "b"), testFrame(bin, large), testFrame(text|0x20, "")), 0)
	frames := watchAndClose(peer)
	got := within(t, read)
	if !slices.Equal(got.messages, []string{"t:a", "t:b", "b:" + large}) {
		t.Errorf("delivered %.80q", got.messages)
	}
	wantCode(t, got.err, 1002)
	if sent := within(t, frames); len(sent) != 1 || sent[0].code() != 1002 {
		t.Errorf("the peer got %v", sent)
	}
}

// TestTLSAbort does not wait for a peer that takes nothing any more, as closing a
// TLS connection would.
func TestTLSAbort(t *testing.T) {
	ours, peer := dialTLS(t)
	shaken := make(chan error, 1)
	go func() { shaken <- peer.(*tls.Conn).Handshake() }()
	if err := errors.Join(ours.(*tls.Conn).Handshake(), within(t, shaken)); err != nil {
		t.Fatal(err)
	}
	c := New(ours, nil, Config{})
	fill(ours.(*tls.Conn).NetConn())
	read := readAll(c)
	start := time.Now()
	c.Abort()
	if got := within(t, read); !errors.Is(got.err, io.EOF) {
		t.Errorf("got %v", got.err)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}
