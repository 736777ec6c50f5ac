// Package icmp is echo requests to granted hosts.
package icmp

import (
	"time"

	"narthexsdk/internal/gate"
)

// Ping sends one echo request with so many bytes in it, and returns who answered and after what
// time.
func Ping(host string, payloadBytes uint16) (address string, after time.Duration, err error) {
	address, nanoseconds, err := gate.Current.Ping(host, payloadBytes)
	return address, time.Duration(nanoseconds), err
}
