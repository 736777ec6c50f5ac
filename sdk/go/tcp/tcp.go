// Package tcp is connections to granted hosts and ports. A connection ends with the call that
// opened it.
package tcp

import (
	"io"

	"narthexsdk/internal/gate"
	"narthexsdk/secrets"
)

// LineBytesMax is the longest line that ReadLine takes; a longer one is a protocol error.
const LineBytesMax = 64 << 10

// readBytesMax is the most that Read asks for at once.
const readBytesMax = 1 << 20

// Connection is an open connection; it is an io.ReadWriteCloser.
type Connection struct{ inner gate.Connection }

// Session is what was agreed with the other side.
type Session = gate.TLSSession

// Connect connects in the clear; an IPv6 address stands without brackets.
func Connect(host string, port uint16) (*Connection, error) { return connect(host, port, nil) }

// ConnectTLS connects with TLS. The profile is the name of one in the operator's configuration;
// the empty name is the system's authorities and no client certificate.
func ConnectTLS(host string, port uint16, profile string) (*Connection, error) {
	return connect(host, port, &profile)
}

func connect(host string, port uint16, tls *string) (*Connection, error) {
	inner, err := gate.Current.Connect(host, port, tls)
	if err != nil {
		return nil, err
	}
	return &Connection{inner}, nil
}

// Write writes all of it.
func (c *Connection) Write(data []byte) (int, error) {
	if err := c.inner.Write(data); err != nil {
		return 0, err
	}
	return len(data), nil
}

// WriteString writes all of it.
func (c *Connection) WriteString(text string) (int, error) { return c.Write([]byte(text)) }

// WriteSecret writes a secret between two texts.
func (c *Connection) WriteSecret(prefix string, secret *secrets.Secret, suffix string) error {
	return c.inner.WriteSecret([]byte(prefix), secret.Inner, []byte(suffix))
}

// Read reads what is there; at the end of the stream it returns io.EOF.
func (c *Connection) Read(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	read, err := c.inner.Read(uint32(min(len(data), readBytesMax)))
	if err != nil {
		return 0, err
	}
	if len(read) == 0 {
		return 0, io.EOF
	}
	return copy(data, read), nil
}

// ReadUntil reads up to and with the delimiter. More than max bytes without it are a protocol
// error.
func (c *Connection) ReadUntil(delimiter string, max uint32) ([]byte, error) {
	return c.inner.ReadUntil([]byte(delimiter), max)
}

// ReadLine reads a line, and leaves out its CR LF or LF.
func (c *Connection) ReadLine() (string, error) {
	line, err := c.inner.ReadUntil([]byte{'\n'}, LineBytesMax)
	if err != nil {
		return "", err
	}
	line = line[:len(line)-1]
	if len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	return string(line), nil
}

// ReadExact reads exactly so many bytes.
func (c *Connection) ReadExact(count uint32) ([]byte, error) { return c.inner.ReadExact(count) }

// StartTLS goes on in TLS, for protocols that begin without. The empty server name is the host
// that was connected to.
func (c *Connection) StartTLS(profile, serverName string) error {
	if serverName == "" {
		return c.inner.StartTLS(profile, nil)
	}
	return c.inner.StartTLS(profile, &serverName)
}

// Session is nil as long as the connection is in the clear.
func (c *Connection) Session() *Session { return c.inner.Session() }

// Peer is the address at the other end, without its port.
func (c *Connection) Peer() string { return c.inner.Peer() }

// Close ends the connection before the call ends.
func (c *Connection) Close() error { return c.inner.Close() }
