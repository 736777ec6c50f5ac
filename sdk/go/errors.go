package narthexsdk

import (
	"fmt"

	"narthexsdk/internal/gate"
)

// Error is an error that tells the host what to make of it. Its text becomes the target's last
// error: it says what to do, and never holds a secret. Any other error is of kind Internal.
type Error = gate.Error

// Kind is the kind of an Error.
type Kind = gate.Kind

// The kinds of errors.
const (
	// ConfigError: the plugin's configuration is at fault, trying again does not help.
	ConfigError = gate.Config
	// Unavailable: the other side could not be reached, or closed early.
	Unavailable = gate.Unavailable
	// Timeout: the call's time ran out.
	Timeout = gate.Timeout
	// Denied: the grant does not cover it.
	Denied = gate.Denied
	// ProtocolError: the other side's answer is not its protocol, or is an error.
	ProtocolError = gate.Protocol
	// Internal: anything else.
	Internal = gate.Internal
)

// Errorf makes an error of a kind.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}
