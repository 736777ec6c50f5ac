// Package state is small blobs that outlive a call, an instance, a new version of the plugin and
// a restart of the host. They belong to one job of one plugin.
package state

import "narthexsdk/internal/gate"

// Get returns the value of a key, and whether there is one.
func Get(key string) (value []byte, found bool, err error) { return gate.Current.State(key) }

// Set sets the value of a key; an empty one takes the key away.
func Set(key string, value []byte) error { return gate.Current.SetState(key, value) }
