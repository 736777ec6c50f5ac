// Package secrets is what must not be known: a secret lies with the host under a name, and a
// plugin hands a handle to it to http and tcp.
package secrets

import "narthexsdk/internal/gate"

// Secret is a handle to a secret of the host's.
type Secret struct{ Inner gate.Secret }

// Get returns the secret of that name, where it is granted. Get it in each call: the host reads it
// anew when it changes.
func Get(name string) (*Secret, error) {
	inner, err := gate.Current.Secret(name)
	if err != nil {
		return nil, err
	}
	return &Secret{inner}, nil
}

// Reveal returns the text itself, for protocols that compute with it. The host counts these calls.
func (s *Secret) Reveal() (string, error) { return s.Inner.Reveal() }

// Close gives the handle back.
func (s *Secret) Close() error { return s.Inner.Close() }
