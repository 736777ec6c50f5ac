// Package udp is datagrams to and from granted hosts and ports. A socket ends with the call that
// opened it.
package udp

import "narthexsdk/internal/gate"

// Socket talks with one host and port.
type Socket struct{ inner gate.Socket }

// Connect makes a socket that talks with this host and port only.
func Connect(host string, port uint16) (*Socket, error) {
	inner, err := gate.Current.ConnectUDP(host, port)
	if err != nil {
		return nil, err
	}
	return &Socket{inner}, nil
}

// Send sends a datagram.
func (s *Socket) Send(data []byte) error { return s.inner.Send(data) }

// Receive returns the next datagram, cut off after max bytes.
func (s *Socket) Receive(max uint32) ([]byte, error) { return s.inner.Receive(max) }

// Close ends the socket before the call ends.
func (s *Socket) Close() error { return s.inner.Close() }
