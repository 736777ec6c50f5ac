// Package names is the host's resolver, for granted hosts.
package names

import "narthexsdk/internal/gate"

// Resolve returns all addresses of a name.
func Resolve(host string) ([]string, error) { return gate.Current.Resolve(host) }
