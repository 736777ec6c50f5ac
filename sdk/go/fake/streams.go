package fake

import (
	"bytes"
	"net"
	"strconv"

	"narthexsdk/internal/gate"
)

// connection reads its dialogue, and writes to the host's Written.
type connection struct {
	host *Host
	peer string
	rest []byte
	tls  bool
}

func address(name string, port uint16) string {
	return net.JoinHostPort(name, strconv.Itoa(int(port)))
}

func (h host) Connect(name string, port uint16, tls *string) (gate.Connection, error) {
	dialogue, found := h.Dialogues[address(name, port)]
	if !found {
		return fail[gate.Connection](gate.Unavailable, "%s: connection refused", address(name, port))
	}
	return &connection{h.Host, name, []byte(dialogue), tls != nil}, nil
}

func (c *connection) Write(data []byte) error {
	c.host.Written.Write(data)
	return nil
}

func (c *connection) WriteSecret(prefix []byte, s gate.Secret, suffix []byte) error {
	c.host.Written.Write(prefix)
	c.host.Written.WriteString(string(s.(secret)))
	c.host.Written.Write(suffix)
	return nil
}

func (c *connection) take(count int) []byte {
	taken := c.rest[:count]
	c.rest = c.rest[count:]
	return taken
}

func (c *connection) Read(max uint32) ([]byte, error) {
	return c.take(min(len(c.rest), int(max))), nil
}

func (c *connection) ReadUntil(delimiter []byte, max uint32) ([]byte, error) {
	at := bytes.Index(c.rest, delimiter)
	if at < 0 && len(c.rest) <= int(max) {
		return fail[[]byte](gate.Unavailable, "the connection was closed")
	}
	if at < 0 || at+len(delimiter) > int(max) {
		return fail[[]byte](gate.Protocol, "no delimiter in %d bytes", max)
	}
	return c.take(at + len(delimiter)), nil
}

func (c *connection) ReadExact(count uint32) ([]byte, error) {
	if len(c.rest) < int(count) {
		return fail[[]byte](gate.Unavailable, "the connection was closed")
	}
	return c.take(int(count)), nil
}

func (c *connection) StartTLS(profile string, serverName *string) error {
	c.tls = true
	return nil
}

func (c *connection) Session() *gate.TLSSession {
	if !c.tls {
		return nil
	}
	return &gate.TLSSession{Version: "TLS 1.3", Cipher: "TLS13_AES_256_GCM_SHA384"}
}

func (c *connection) Peer() string { return c.peer }
func (c *connection) Close() error { return nil }

// socket receives its datagrams, and sends to the host's Written.
type socket struct {
	host *Host
	rest []string
}

func (h host) ConnectUDP(name string, port uint16) (gate.Socket, error) {
	return &socket{h.Host, h.Datagrams[address(name, port)]}, nil
}

func (s *socket) Send(data []byte) error {
	s.host.Written.Write(data)
	return nil
}

func (s *socket) Receive(max uint32) ([]byte, error) {
	if len(s.rest) == 0 {
		return nil, &gate.Error{Kind: gate.Timeout}
	}
	datagram := s.rest[0]
	s.rest = s.rest[1:]
	return []byte(datagram[:min(len(datagram), int(max))]), nil
}

func (s *socket) Close() error { return nil }

// watch brings its objects once, as added.
type watch struct{ objects []string }

func (h host) Watch(apiVersion, kind string, namespace, selector *string) (gate.Watch, error) {
	objects, found := h.Objects[apiVersion+"/"+kind]
	if !found {
		return fail[gate.Watch](gate.Denied, "%s/%s is not granted", apiVersion, kind)
	}
	return &watch{objects}, nil
}

func (w *watch) Drain(max uint32) ([]gate.Event, error) {
	count := min(len(w.objects), int(max))
	events := make([]gate.Event, count)
	for i, object := range w.objects[:count] {
		events[i].Object = object
	}
	w.objects = w.objects[count:]
	return events, nil
}

func (w *watch) Synced() bool { return true }
func (w *watch) Close() error { return nil }
